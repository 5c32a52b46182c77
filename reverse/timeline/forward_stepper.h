// One step forwards inside the past over lines or calls: the counterpart of BackStepper, with gdb's rules. The
// execution's position moves along, at most to where the step ends, so that a hit of the user's conditions on the
// way ends it.
#pragma once
#include "reverse/timeline/arrival.h"
#include "reverse/timeline/own_conditions.h"
#include "reverse/timeline/walk.h"

namespace fred {

class ForwardStepper {
 public:
  ForwardStepper(Execution& execution, Code& code, const std::vector<Condition>& conditions, const Tuning& tuning,
                 std::stop_token stop)
      : execution_(execution),
        code_(code),
        conditions_(conditions),
        tuning_(tuning),
        stop_(stop),
        walk_(execution, Direction::forward, tuning, stop) {}

  // `from` is the execution's position.

  /// To the beginning of another line. With `into`, functions with lines are entered.
  Result<Stop> line(const TracePoint& from, bool into);
  /// The next instruction in this frame: over calls and handlers of signals.
  Result<Stop> instruction(const TracePoint& from);
  /// Until the frame with this canonical address has returned to `back`.
  Result<Stop> finish(const TracePoint& from, u64 cfa, GuestAddr back);

 private:
  /// Nothing: the step goes on.
  using Move = Result<std::optional<Stop>>;
  /// What has to end before the frame below it has control again: a call, or a signal's handler.
  struct Callee {
    u64 cfa = 0;                     // rsp of the frame below when it has control again, but for what `ret n` pops
    GuestAddr back;                  // where the callee's frame returns to
    std::optional<u64> handler_cfa;  // of a handler: its own frame's
  };
  /// How far a trace goes until a callee has ended.
  struct Scan {
    enum class End : u8 { returned, landed, nothing, history_end } end{};
    u64 at = 0;
    std::size_t frame = 0;  // landed: in which of `below_`
  };

  Result<const TracePoint*> look(u64 ahead) { return walk_.at(at_ + ahead); }
  void move(u64 ahead) { at_ += ahead; }
  Result<> jump_to(const Time& time);
  void take_level();
  bool is_line_stop();
  bool in_trampoline(const TracePoint& point);

  Move next_here(bool into);
  Move call(const TracePoint& first, bool into);
  Move enter_by_jump(const TracePoint& first);
  Move out_to_caller();
  Move over(const Callee& callee);
  /// Moves to where the callee that the point here called has ended; `frame_` says in which frame below.
  Move leave(const Callee& callee);
  Move leave_far(const Callee& callee, const Time& start);
  Move leave_by_jump(const Callee& callee, const Time& start);
  Result<Scan> scan(Walk& walk, u64 begin, u64 most, const Callee& callee);
  bool ends(const Callee& callee, const TracePoint& before, const TracePoint& here);
  std::optional<std::size_t> frame_below(const TracePoint& point);
  Move pass(const Time& limit);
  Result<Stop> arrive();
  Move end_of_history();
  static Move stopped(const RunStop& run);

  Execution& execution_;
  Code& code_;
  const std::vector<Condition>& conditions_;
  Tuning tuning_;
  std::stop_token stop_;
  Walk walk_;
  u64 at_ = 0;                  // in walk_: the point that the step has come to
  std::optional<LineId> line_;  // a statement of another line is looked for; none: of any line
  bool by_instruction_ = false;
  bool over_inlined_ = false;
  u32 level_ = 0;
  bool no_lines_outside_ = false;
  std::vector<Frame> below_;  // the frame that gets control when the callee has ended, and those that it returns to
  std::optional<Function> function_below_;  // the first one's
  std::size_t frame_ = 0;
};

}  // namespace fred
