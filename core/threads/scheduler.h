// Who is next, and for how long: the policy by which the turn goes from thread to thread. Asked in live only; what it
// said is in the log.
//
//   fair    the turn goes round, in slices of the same length
//   chaos   slices of any length, priorities that change, and a thread may lose the turn behind any system call: finds
//           what a fair schedule hides. The same seed makes the same choices, as far as the outside world does.
#pragma once
#include <deque>
#include <optional>
#include <random>

#include "core/base/types.h"

namespace fred {

struct GuestThread;

class Scheduler {
 public:
  explicit Scheduler(std::optional<u64> chaos_seed);

  void make_ready(GuestThread& thread) { ready_.push_back(&thread); }
  bool has_ready() const { return !ready_.empty(); }
  /// The one that take() will give; there is one.
  GuestThread& front();
  GuestThread& take();
  void forget_all() { ready_.clear(); }

  /// Ticks that the next thread may run while others could.
  u64 slice();
  /// Behind a system call of the running thread: are others to run before it?
  bool preempts_behind_call();

 private:
  u64 random(u64 below) { return std::uniform_int_distribution<u64>(0, below - 1)(*chaos_); }
  std::size_t choose();

  std::deque<GuestThread*> ready_;  // in the order in which they became so
  std::optional<std::mt19937_64> chaos_;
  u64 generation_ = 0;                 // of the priorities of chaos
  std::optional<std::size_t> chosen_;  // in ready_
};

}  // namespace fred
