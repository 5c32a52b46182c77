// Time travel in one recorded execution: the commands, on the interfaces Execution and Symbols. It knows neither gdb
// nor translation. Each command moves the position and says where it ended and why; `conditions` are the user's
// breakpoints, watchpoints and catches, and end any command at the first one that is met on the way.
//
// Rules that hold for all commands, as in gdb:
// - A break at the position itself is not met. Forwards a watch ends after the instruction that writes; backwards at
//   it, with the old value in memory.
// - Backwards beyond the first point ends there with history_begin. Forwards beyond what is recorded ends with
//   history_end; only the session goes on from there, live.
// - A command that was interrupted, or failed, leaves the position where it was.
#pragma once
#include <functional>

#include "reverse/timeline/code.h"
#include "reverse/timeline/hit_search.h"
#include "reverse/timeline/stop.h"
#include "reverse/timeline/time_text.h"

namespace fred {

using Conditions = std::vector<Condition>;

class Timeline {
 public:
  Timeline(Execution& execution, Symbols& symbols, const Tuning& tuning = {})
      : execution_(execution), symbols_(symbols), tuning_(tuning), search_(execution) {}

  Time begin() const { return execution_.begin(); }
  Time position() const { return execution_.position(); }
  /// The Time that was meant; an Error if it lies outside of history.
  Result<Time> resolve(const TimeText& text);
  Result<Stop> go_to(const Time& time);

  // Running and stepping. A count of 0 is 1. --------------------------------------------------------------

  /// To the first hit of a condition; `continue` and `reverse-continue`.
  Result<Stop> resume(Direction direction, const Conditions& conditions);
  /// One instruction of the position's thread, into everything.
  Result<Stop> step_instruction(Direction direction, u64 count, const Conditions& conditions);
  /// One instruction of the position's frame, over calls and handlers of signals.
  Result<Stop> next_instruction(Direction direction, u64 count, const Conditions& conditions);
  /// To the beginning of another line; into functions with lines.
  Result<Stop> step(Direction direction, u64 count, const Conditions& conditions);
  /// To the beginning of another line; over calls.
  Result<Stop> next(Direction direction, u64 count, const Conditions& conditions);
  /// Out of the frame `level` (0: the innermost): to behind the call that made it, or backwards to that call.
  Result<Stop> finish(Direction direction, u64 level, const Conditions& conditions);
  /// To one of these addresses, but no further than out of the present frame; with `any_frame` (gdb's `advance`) also
  /// in what it calls, otherwise (`until`) only in this frame and its caller.
  Result<Stop> until(Direction direction, const std::vector<GuestAddr>& addresses, bool any_frame,
                     const Conditions& conditions);

  /// Commands end with `interrupted` as soon as this is asked to stop; a source for each command.
  void set_stop_token(std::stop_token stop) { stop_ = std::move(stop); }
  HitSearch& search() { return search_; }

 private:
  using Step = std::function<Result<Stop>(const TracePoint& from)>;
  using Arrives = Result<std::optional<Time>>;
  Result<Stop> repeat(u64 count, const Step& once);
  Result<Stop> guarded(const std::function<Result<Stop>()>& command);
  Result<Stop> land_backwards(const Time& from, const std::optional<Time>& target, const Conditions& conditions);
  Result<Stop> step_line(Direction direction, u64 count, bool into, const Conditions& conditions);
  Result<Stop> step_instruction_back(u64 count, const Conditions& conditions);
  Result<Stop> step_instruction_on(u64 count, const Conditions& conditions);
  Result<Stop> until_forward(const std::vector<Frame>& frames, const Conditions& own, const Conditions& conditions,
                             bool any_frame);
  Result<Stop> until_backward(const std::vector<Frame>& frames, const Conditions& own, const Conditions& conditions,
                              bool any_frame);
  Result<Stop> run_on(const Time& limit, const Conditions& conditions);

  Execution& execution_;
  Symbols& symbols_;
  Tuning tuning_;
  HitSearch search_;
  std::stop_token stop_;
};

}  // namespace fred
