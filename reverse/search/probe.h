// What a search asks at one Time.
#pragma once
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// An expression's value at a Time. No value is a value too: names that do not exist there, a fault, a call that
/// blocked or ran too long are all the same to a search.
struct ProbeValue {
  std::optional<std::string> identity;  // equal if and only if the values are
  std::string shown;                    // for the user
  bool operator==(const ProbeValue& other) const { return identity == other.identity; }
};

class Probe {
 public:
  virtual ~Probe() = default;
  /// An Error ends the search (EINTR: it was interrupted); what only concerns the expression is no value.
  virtual Result<ProbeValue> at(const Time& time) = 0;
};

}  // namespace fred
