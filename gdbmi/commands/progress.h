// How a long operation tells how far it is and learns that the user has lost patience.
#pragma once
#include <string_view>

namespace fred {

class Progress {
 public:
  virtual ~Progress() = default;
  /// Call it every few milliseconds, or whenever a step is done. `fraction` is between 0 and 1, or negative if unknown;
  /// `what` is shown beside it ("12 probes"). False: the user wants it to end now.
  virtual bool go_on(double fraction, std::string_view what) = 0;
  /// Readable from the moment on at which go_on() would say false: for an operation that waits in poll(2).
  virtual int interrupted_descriptor() const = 0;
};

}  // namespace fred
