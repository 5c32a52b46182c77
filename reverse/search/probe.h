// What a search asks at one Time.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/control/condition.h"

namespace fred {

/// An expression's value at a Time. No value is a value too: names that do not exist there, a fault, a call that
/// blocked or ran too long are all the same to a search. A hidden one is not: the expression has a value there, which
/// nobody can tell (a register's that was not saved, a frame that the unwinder does not find).
struct ProbeValue {
  std::optional<std::string> identity;  // equal if and only if the values are
  std::string shown;                    // for the user
  bool hidden = false;
  bool operator==(const ProbeValue& other) const { return identity == other.identity; }
};

class Probe {
 public:
  virtual ~Probe() = default;
  /// An Error ends the search (EINTR: it was interrupted); what only concerns the expression is no value.
  virtual Result<ProbeValue> at(const Time& time) = 0;
  /// Where values that are hidden elsewhere may be seen: code of the frame that the names belong to.
  virtual Result<std::vector<Condition>> places() { return std::vector<Condition>{}; }
};

}  // namespace fred
