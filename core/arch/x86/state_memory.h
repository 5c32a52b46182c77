// The memory of the state and condition windows, and the views of it. The first page, which emitted code reads and
// writes all the time, appears again at the start of each code cache window, where emitted code reaches it
// rip-relative. That matters: an AMD Zen 4 forwards a store to a load of the same rip-relative operand without delay,
// but takes 1.8 ns for a counted tick whose operands are absolute, against 0.55 ns (measured; on Intel there is no
// difference).
//
// The page is shared memory, as views must be, so a fork would share it: prepare_fork() makes the child's copy.
#pragma once
#include <span>
#include <vector>

#include "core/arch/x86/condition_window.h"
#include "core/base/error.h"

namespace fred {

class StateMemory {
 public:
  /// Maps the window at one of the places, all below 2 GiB, that is free.
  StateMemory();
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;

  /// Is one of the places free where these ranges are occupied?
  static bool has_place(std::span<const GuestRange> occupied);

  StateWindow& window() { return low_->state; }
  ConditionWindow& conditions() { return low_->conditions; }
  /// The first page appears at `at` as well, over what is mapped there.
  void add_view(CacheAddr at);

  // A fork: prepare, fork, then one of the two others. All signals are blocked meanwhile.
  Result<> prepare_fork();
  void forked_parent();
  void forked_child();

 private:
  LowWindow* low_ = nullptr;
  std::vector<void*> views_;  // the window itself first
  void* copy_ = nullptr;      // the child's page, while a fork is under way
};

}  // namespace fred
