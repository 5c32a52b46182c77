// Who is next, and for how long: the policy by which the turn goes from thread to thread. Asked in live only; what it
// said is in the log.
#pragma once
#include <deque>

#include "core/base/types.h"

namespace fred {

struct GuestThread;

class Scheduler {
 public:
  /// Ticks that a thread may run while others could: some 2 ms of an interpreter, 1 ms of a tight loop.
  static constexpr u64 slice = 1 << 21;

  void make_ready(GuestThread& thread) { ready_.push_back(&thread); }
  bool has_ready() const { return !ready_.empty(); }
  /// The one that take() would give; there is one.
  GuestThread& front() const { return *ready_.front(); }
  GuestThread& take() {
    auto& thread = *ready_.front();
    ready_.pop_front();
    return thread;
  }
  void forget_all() { ready_.clear(); }

 private:
  std::deque<GuestThread*> ready_;  // in the order in which they became so: fair
};

}  // namespace fred
