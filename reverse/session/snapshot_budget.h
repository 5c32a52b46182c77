// When live's next snapshot is due.
#pragma once
#include <algorithm>
#include <chrono>

#include "core/base/types.h"

namespace fred {

/// A snapshot costs its fork and the copies of pages afterwards, a multiple of it. The next is due when the program has
/// run for 33 times the cost of the last one: 3 % of the time.
class SnapshotBudget {
 public:
  using Duration = std::chrono::nanoseconds;

  void taken(u64 fork_nanoseconds) {
    interval_ = std::max<Duration>(shortest, Duration{fork_nanoseconds * copies_per_fork * 33});
  }
  Duration next() const { return interval_; }

 private:
  static constexpr Duration shortest = std::chrono::milliseconds{50};
  static constexpr u64 copies_per_fork = 8;
  Duration interval_ = shortest;
};

}  // namespace fred
