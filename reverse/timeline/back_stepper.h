// One step backwards over lines or calls: walks the trace before the position by what its instructions did to pc
// and rsp. See the top of back_stepper.cpp for how.
#pragma once
#include "reverse/timeline/arrival.h"
#include "reverse/timeline/hit_search.h"
#include "reverse/timeline/own_conditions.h"
#include "reverse/timeline/walk.h"

namespace fred {

class BackStepper {
 public:
  /// `conditions` are the user's: where a call is searched for by conditions, a later hit of theirs ends the step.
  BackStepper(Execution& execution, Code& code, HitSearch& search, const std::vector<Condition>& conditions,
              const Tuning& tuning, std::stop_token stop)
      : execution_(execution),
        code_(code),
        search_(search),
        conditions_(conditions),
        tuning_(tuning),
        stop_(stop),
        walk_(execution, Direction::backward, tuning, stop, &search) {}

  // Each gives where the step from `from` arrives (or the user's hit that ended it), nothing if history begins first.

  /// The beginning of the line executed before. With `into`, functions with lines are entered at their last line.
  Result<std::optional<Time>> line(const TracePoint& from, bool into);
  /// The instruction before; over the call that it ended, if it did.
  Result<std::optional<Time>> instruction(const TracePoint& from);
  /// The instruction through which the function was entered whose frame is `frames[level]`, of the frames at `from`.
  Result<std::optional<Time>> entry(const TracePoint& from, const std::vector<Frame>& frames, std::size_t level);

 private:
  enum class Found : u8 { yes, no, history_begin, user_hit };
  using Move = Result<Found>;
  /// A call instruction to be found before the point `skip`; what it called has this canonical frame address.
  struct Call {
    u64 skip = 0;
    u64 cfa = 0;
    GuestAddr back;                  // where it returns to
    bool or_interrupted = false;     // or code that was interrupted at `back`
    bool of_this_invocation = true;  // by the nature of the question; else it is verified
  };

  Result<const TracePoint*> look(u64 back) { return walk_.at(at_ + back); }
  void move(u64 back) { at_ += back; }
  Result<> jump_to(const Time& time);
  /// What is inlined into the code here counts as called from now on.
  void take_level();
  /// To code that was left by its end, or abandoned: there is no way into what `skip` has marked.
  void enter(u64 back);
  bool in_skipped_call(const Line& line);
  Result<bool> is_line_stop();
  Result<bool> comes_from_other_line(const TracePoint& here, const Line& line);

  Result<std::optional<Time>> before_entry(const Call& call);
  Move before_here(bool into, bool& stays);
  Move returned_to_entry(const TracePoint& before, bool into);
  Move over_call(const TracePoint& before, bool into);
  Move over_handler();
  Move out_to_caller();
  Move out_of_unknown_code();
  Move across(const TracePoint& before, bool into);
  /// Stacks at points before here, one after the other, that hold the frame here.
  struct Stacks {
    u64 cfa = 0;      // of the frame here
    u64 deepest = 0;  // of the stack pointers so far
    std::vector<Frame> frames;
    std::size_t level = 0;  // of the frame here, in `frames`
    u64 n = 1;              // how far back `frames` are
    u64 last = 0;           // the stack pointer there
    u64 far = 64;           // where to look next if what is near does not tell
    int tries = 0;
  };
  Result<bool> next_stack(Stacks& stacks);
  Move to_origin(const Stacks& stack, bool into);
  Move to_origin(bool into);
  Move find_call(const Call& call);
  Move search_call(const Call& call);
  /// Jumps to the last hit before `to` of `own` conditions or the user's.
  Result<std::optional<Hit>> search(const Time& to, const OwnConditions& own);
  Result<std::optional<Time>> result(const Move& move);

  Execution& execution_;
  Code& code_;
  HitSearch& search_;
  const std::vector<Condition>& conditions_;
  const Tuning& tuning_;
  std::stop_token stop_;
  Walk walk_;
  u64 at_ = 0;  // in walk_: the point that the step has come to
  bool over_inlined_ = false;
  u32 level_ = 0;
  std::vector<GuestAddr> stands_in_;  // of Line::skipped_calls: those that the step began in and has not left
  bool no_lines_outside_ = false;     // the step came to code without lines that nothing with lines has called
};

}  // namespace fred
