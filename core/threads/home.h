// The processor on which the turn is kept. One thread runs at a time, so where each wakes the next on another
// processor, which has gone to sleep meanwhile, a hand-over takes as long as waking that does (measured: 20 to 30 µs,
// against 2 on the same processor), and finds its caches cold. The kernel's scheduler cannot know: it wakes a thread
// where nothing runs. So who gets the turn is bound to the processor on which it is.
//
// Not for long: other programs may want that processor. After some milliseconds one hand-over is left to the kernel,
// which wakes the thread where there is room, and there the turn's home is from then on. A thread that keeps the turn
// longer than that is free, and so are those whose calls the kernel carries out (what it does for them it does side by
// side).
//
// The program sees nothing of it: before it asks for its processors all threads are free, if it chooses some they stay
// so, and no child is born bound.
#pragma once
#include "core/base/types.h"

namespace fred {

struct GuestThread;

/// All of it is called by the holder of the turn, in live. Like turn.cpp it allocates nothing and calls no libc.
class Home {
 public:
  /// From now on, if it is wanted and there are several processors.
  void begin(bool wanted);
  /// Never again: processors have been chosen.
  void give_up() { used_ = false; }
  bool used() const { return used_; }
  bool has_several() const { return several_; }
  /// May the thread run where this process could from the start?
  bool same_processors(i32 id) const;

  /// The thread gets the turn next, and sleeps (or is about to).
  void keep(GuestThread& next);
  /// The thread may run where it likes; 0 is the id of the one that calls.
  void free(GuestThread& thread, i32 id);
  /// The next hand-over is left to the kernel.
  void leave() {
    processor_ = none;
    left_to_kernel_ = false;
  }
  /// Has the turn been here for so long that somebody else may want the processor?
  bool is_old() const;

 private:
  static constexpr u32 none = ~u32{0};
  static constexpr u64 most_processors = 8192;
  static constexpr u64 bits = 64;

  bool used_ = false, several_ = false;
  bool left_to_kernel_ = false;  // who has the turn now was woken where there was room
  u32 processor_ = none;
  u64 since_ = 0;      // the time stamp counter
  u64 mask_size_ = 0;  // bytes
  u64 all_[most_processors / bits] = {};
  u64 one_[most_processors / bits] = {};  // while the kernel is asked
};

}  // namespace fred
