// The clock of the guest: counters of what is left, which emitted code counts down, and what they make together.
//
// There are several because a tick loads its counter and stores it again. An AMD Zen 4 keeps the value without going
// through memory as long as it is the same place in the code that stored it last; where places take turns (an
// interpreter, a loop with two ways through it) ticks cost the latency of memory one behind the other, 8 cycles. With
// a counter each they cost next to nothing. Any tick may take any counter: only their sum is the clock.
//
// A stop n ticks ahead gives each of the c counters n/c, rounded up. The first that is 0 has seen at least those, and
// all together at most n: so nothing is missed, and what is still left then is shared again. It is exact for n = 1,
// where all counters are 1. A stop costs so at most 2.4 log2(n) exits from the code cache more.
#pragma once
#include "core/base/types.h"

namespace fred {

inline constexpr u32 tick_counter_count = 4;

struct TickCounters {
  static constexpr u64 far_away = u64{1} << 62;  // a stop there is none

  u64 left[tick_counter_count];  // for which ticks: see below. Guest code is never entered with a 0 there
  u64 total;                     // the clock is what the counters lack of it
  u64 stop;                      // where the clock is to stop
  u64 look_every;                // a counter is given no more than this, so that emitted code leaves; 0: all

  u64 now() const { return total - sum(); }
  bool stopped() const { return now() == stop; }
  /// Emitted code leaves the code cache, or is about to.
  bool ran_out() const {
    bool any = false;
    for (const u64 l : left) any |= l == 0;
    return any;
  }

  /// Divides what is left until the stop, which is not past.
  void share() {
    const u64 at = now(), rest = stop - at;
    u64 each = rest / tick_counter_count + (rest % tick_counter_count != 0);
    if (look_every != 0 && each > look_every) each = look_every;
    for (u64& l : left) l = each;
    total = at + sum();
  }
  void stop_at(u64 at) {
    stop = at;
    share();
  }
  /// Another clock: no stop.
  void start(u64 at) {
    for (u64& l : left) l = 0;
    total = at;
    stop_at(at + far_away);
  }
  /// A tick that emitted code does not count. Behind a stop it withdraws that.
  void count() {
    ++total;
    stop_at(stop < now() ? now() + far_away : stop);
  }

 private:
  u64 sum() const {
    u64 all = 0;
    for (const u64 l : left) all += l;
    return all;
  }
};

/// Indices of TickCounters::left: calls and returns (the indirect transfers to the address behind a call), other
/// indirect transfers, and branches and jumps, which take the two last ones in turns. Recursive functions become slower
/// if their calls and returns take several: a counter that is in use all the time is one that the processor keeps.
inline constexpr u32 call_ticks = 0, indirect_ticks = 1, first_loop_ticks = 2;

}  // namespace fred
