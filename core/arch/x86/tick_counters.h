// The clock of the guest: two counters of what is left, which emitted code counts down, and what they make together.
//
// There are two because a tick loads its counter and stores it again: where the processor does not keep the value
// without going through memory (an AMD Zen 4 in the loop of an interpreter), ticks cost the latency of that one behind
// the other, and two chains of them run side by side. Any tick may take any counter: only their sum is the clock.
//
// A stop n ticks ahead gives each counter n/2, rounded up. The first that is 0 has seen at least those, and both
// together at most n: so nothing is missed, and what is still left then is shared again. It is exact for n = 1, where
// both counters are 1. A stop costs so at most log2(n) exits from the code cache more.
#pragma once
#include "core/base/types.h"

namespace fred {

struct TickCounters {
  static constexpr u64 far_away = u64{1} << 62;  // a stop there is none

  u64 left[2];  // for which ticks: see below. Guest code is never entered with a 0 there
  u64 total;    // the clock is what the counters lack of it
  u64 stop;     // where the clock is to stop

  u64 now() const { return total - left[0] - left[1]; }
  bool stopped() const { return now() == stop; }
  /// Emitted code leaves the code cache, or is about to.
  bool ran_out() const { return left[0] == 0 || left[1] == 0; }

  /// Divides what is left until the stop, which is not past.
  void share() {
    const u64 at = now(), rest = stop - at;
    left[0] = left[1] = rest / 2 + rest % 2;
    total = at + left[0] + left[1];
  }
  void stop_at(u64 at) {
    stop = at;
    share();
  }
  /// Another clock: no stop.
  void start(u64 at) {
    left[0] = left[1] = 0;
    total = at;
    stop_at(at + far_away);
  }
  /// A tick that emitted code does not count. Behind a stop it withdraws that.
  void count() {
    ++total;
    stop_at(stop < now() ? now() + far_away : stop);
  }
};

/// Indices of TickCounters::left: what ticks where nothing is to be gained from a second chain (direct transfers, and
/// indirect ones to the address behind a call: returns), and all else. Recursive functions become slower if their
/// calls and returns take both: a counter that is in use all the time is one that the processor keeps.
inline constexpr u32 usual_ticks = 0, indirect_ticks = 1;

}  // namespace fred
