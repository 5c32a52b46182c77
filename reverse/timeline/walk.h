// A window of one thread's trace that grows as it is looked at: backwards from a point, or forwards.
#pragma once
#include <optional>
#include <stop_token>
#include <vector>

#include "reverse/timeline/hit_search.h"
#include "reverse/timeline/stop.h"

namespace fred {

// What steps take for granted of the points they walk over.
inline constexpr u64 all_frames = 4096;
inline constexpr u64 other_stack = 1 << 16;   // rsp that moves so far at once goes to another stack
inline constexpr u64 longest_landing = 4096;  // instructions from where longjmp or the unwinder sets rsp to its arrival

class Walk {
 public:
  /// With `search`, what other threads execute for long is not traced on the way back.
  Walk(Execution& execution, Direction direction, const Tuning& tuning, std::stop_token stop,
       HitSearch* search = nullptr)
      : execution_(&execution), search_(search), direction_(direction), tuning_(tuning), stop_(std::move(stop)) {}

  /// Begins anew at `start`; only points of its thread are seen.
  void restart(const TracePoint& start);
  /// The `n`th point from the start in the walk's direction, 0 being the start itself; nothing where history ends.
  /// The reference holds until the next call.
  Result<const TracePoint*> at(u64 n);

 private:
  Result<> pass_others(ThreadId thread);

  Execution* execution_;
  HitSearch* search_;
  Direction direction_;
  Tuning tuning_;
  std::stop_token stop_;
  std::vector<TracePoint> points_;
  Time edge_;  // how far the trace was read; of any thread
  u64 chunk_ = 0;
  bool ended_ = false;
};

}  // namespace fred
