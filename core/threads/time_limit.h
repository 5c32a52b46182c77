// How long a system call may still wait when it begins anew. The session interrupts waiting calls, and the guest must
// not see that: a sleep that is interrupted each second is to last as long as it was asked to. Live only; no libc, so
// that threads without the turn may use it.
#pragma once
#include "core/base/types.h"

namespace fred {

/// `struct timespec` of the kernel.
struct KernelTimespec {
  i64 seconds = 0, nanoseconds = 0;
  /// What the kernel accepts as a limit.
  bool valid() const { return seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1000000000; }
};

class TimeLimit {
 public:
  TimeLimit() = default;
  /// The limit of a call that begins now; none if it has no limit that counts from its begin. (What the kernel itself
  /// puts down as left, select's and ppoll's, needs nothing.)
  TimeLimit(u64 number, const u64 (&args)[6]);

  /// The call begins anew: its limit is what is left now. Points into this object.
  void shorten(u64 (&args)[6]);

 private:
  static i64 now(i32 clock);

  i32 argument_ = -1;  // -1: no limit
  bool milliseconds_ = false;
  i32 clock_ = 0;
  i64 end_ = 0;  // on that clock, in nanoseconds
  KernelTimespec left_;
};

/// A call that the session interrupted and that begins anew at the same place.
struct CutCall {
  u64 number = 0, pc = 0, sp = 0;
  TimeLimit limit;
  bool is(u64 other_number, u64 other_pc, u64 other_sp) const {
    return number == other_number && pc == other_pc && sp == other_sp;
  }
};

}  // namespace fred
