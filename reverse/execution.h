// What time travel needs of a recorded execution, and nothing more: the algorithms of reverse/timeline know
// neither gdb nor translation, so they are tested on a toy backend. The real one is reverse/session, which owns
// live, the snapshots and the workers.
#pragma once
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/control/condition.h"

namespace fred {

/// Why running forward ended.
enum class RunEnd : u8 {
  limit,        // the Time that was given
  hit,          // a condition held
  interrupted,  // interrupt() was called
  history_end,  // the end of what is recorded so far: live stands here
  guest_end,    // the program ends here (exit or fatal signal); it stays just before its end
};

struct RunStop {
  RunEnd end{};
  Time time;
  std::vector<Hit> hits;  // all conditions that held at this Time
};

/// A limit that no run comes to.
inline constexpr Time never{.ticks = ~u64{0}, .pc = GuestAddr{~u64{0}}};

/// One process's history, from its start to where live stands, and a position in it.
class Execution {
 public:
  virtual ~Execution() = default;

  virtual Time begin() const = 0;
  /// Where live stands: the end of history so far.
  virtual Time tip() const = 0;
  virtual Time position() const = 0;
  /// Times from which re-execution can begin, ascending; the first is begin().
  virtual std::vector<Time> snapshots() const = 0;

  /// Puts the position at exactly `time`, between begin() and tip(). An Error if the execution has no such Time, and
  /// then the position stays.
  virtual Result<> go_to(const Time& time) = 0;
  /// The first Time with this tick count, or, if no instruction was executed at it, with the next that has one; where
  /// `ticks` are more than the tip's, the tip.
  virtual Result<Time> first_of_tick(u64 ticks) = 0;
  /// Runs on from the position, to the first hit behind it, to `limit`, or to the end of history (beyond which only
  /// the session goes: live). A break at the position is not behind it, a watched access of the instruction there
  /// is; the run stops after that instruction. A hit exactly at `limit` is a hit.
  virtual Result<RunStop> run_forward(const Time& limit, const std::vector<Condition>& conditions) = 0;

  // Questions. The position stays. ------------------------------------------------------------------------

  /// Re-executes [from, to) once without stopping; one Note per condition, in their order. Hits at `from` count,
  /// hits at `to` do not (a watch hit belongs to its `at`). `from` should be a snapshot's Time.
  virtual Result<std::vector<Note>> collect(const Time& from, const Time& to,
                                            const std::vector<Condition>& conditions) = 0;
  /// The last `most` points before `to`, ascending; fewer where history begins.
  virtual Result<std::vector<TracePoint>> trace_before(const Time& to, u64 most) = 0;
  /// The first `most` points behind `from`, ascending, at most up to the tip (which is one); fewer where history ends.
  virtual Result<std::vector<TracePoint>> trace_after(const Time& from, u64 most) = 0;
  /// An Error also if not all of it is readable.
  virtual Result<std::vector<u8>> memory_at(const Time& time, GuestAddr at, u64 size) = 0;
  virtual Result<TracePoint> point_at(const Time& time) = 0;

  /// Another number whenever answers about history may differ from earlier ones: what is recorded does not change, but
  /// points can become hidden (reverse/session/tip_changes.h). Hidden points are in no answer and are no place to stop,
  /// but the first of those that follow each other is where a watch notes that memory differs behind them.
  virtual u64 edition() const { return 0; }
};

}  // namespace fred
