// Runs a guest to exact points of its execution: a Time, n ticks or instructions further, a break. The same in
// live and in workers; in a worker nothing but the log decides what the points are.
#pragma once
#include <functional>
#include <optional>
#include <set>

#include "core/dispatch/conditions.h"
#include "core/dispatch/guest_engine.h"

namespace fred {

#define FRED_STOP_REASONS(R)                                                          \
  R(reached)     /* what was asked for */                                             \
  R(passed)      /* the execution has no such Time; this is the next one behind it */ \
  R(break_)      /* the instruction at a break (set_break) is next */                 \
  R(hit)         /* conditions hold: see the hits */                                  \
  R(interrupted) /* the session wanted it */                                          \
  R(history_end) /* nothing more is recorded */                                       \
  R(guest_end)   /* the guest ends here: exit or fatal signal */

enum class StopReason : u8 {
#define R(name) name,
  FRED_STOP_REASONS(R)
#undef R
};
std::string_view to_string(StopReason reason);

class RunControl {
 public:
  explicit RunControl(GuestEngine& engine) : engine_(engine) {}

  /// Called at safe points on the way when the session has asked for something; true: stop (interrupted).
  void on_request(std::function<bool()> handler) { on_request_ = std::move(handler); }

  // Running stops where a condition holds (GuestEngine::conditions(): hits()).
  /// pc 0: the first pc of that tick, whatever it is.
  StopReason run_to(const Time& goal);
  StopReason run_ticks(u64 n);
  /// Goes to the next Time, n times; a rep instruction is one step from wherever it stands, a raised fault is a
  /// Time of its own (phase 1), and its delivery a step.
  /// Steps are those of one thread (0: the one that runs now); others run meanwhile as they would anyway.
  StopReason step(u64 n, ThreadId thread = 0);
  /// Steps until its pc is outside of `range`.
  StopReason step_within(GuestRange range, ThreadId thread = 0);
  StopReason run_on();

  /// To `goal` without stopping at conditions: they are noted (Conditions::notes()), from where the guest stands on.
  StopReason collect(const Time& goal);
  /// The same step by step; the last `most` points before `goal` go to `points`.
  StopReason trace(const Time& goal, u64 most, std::vector<TracePoint>& points);

  /// Breaks beside the conditions at which running stops, before the instruction; one at the Time where running
  /// begins does not count, nor do those within a vfork child.
  void set_break(GuestAddr pc, bool on);
  void clear_breaks();

  /// A worker whose live stands at this Time has no history beyond it.
  void set_horizon(const Time& horizon) { horizon_ = horizon; }

 private:
  struct Goal {
    Time time = {.ticks = ~u64{0}, .pc = {}};
    u64 steps = 0;                                    // instead of a Time if not 0
    ThreadId thread = 0;                              // of this thread; 0: the one that runs
    std::optional<GuestRange> within = std::nullopt;  // the steps end earlier outside of it
    Conditions::Use use = Conditions::Use::stop;
    std::function<void(const Time&)> visit = {};  // goes step by step, and visits each Time before the goal
  };
  StopReason go(const Goal& goal);
  /// One move towards `goal`, which lies ahead of `at`.
  void advance(const Time& at, const Time& goal, bool one);
  bool at_break(const Time& at) const;

  GuestEngine& engine_;
  std::function<bool()> on_request_;
  std::set<GuestAddr> breaks_;
  std::optional<Time> horizon_;
};

}  // namespace fred
