#include "reverse/timeline/forward_stepper.h"

#include <algorithm>

#include <fmt/format.h>

namespace fred {
namespace {
constexpr u64 most_popped_words = 8;  // by a `ret n` that ends a call too long to be traced
constexpr int most_checks = 4;        // of one rise of rsp that may be a landing
}  // namespace

Result<Stop> ForwardStepper::line(const TracePoint& from, bool into) {
  walk_.restart(from);
  at_ = 0;
  code_.begin_at(from.time.pc);
  const std::optional<Line>& line = code_.line(from.time.pc);
  if (!line && !code_.function(from.time.pc)) {
    return fail(fmt::format("no function is known at {:#x}; step by instructions there", from.time.pc.value));
  }
  line_ = line ? std::optional(line->id) : std::nullopt;
  over_inlined_ = !into;
  take_level();
  for (;;) {
    Move move = next_here(into);
    if (!move) return std::unexpected(std::move(move.error()));
    if (*move) return std::move(**move);
    if (is_line_stop() || no_lines_outside_) return arrive();
  }
}

Result<Stop> ForwardStepper::instruction(const TracePoint& from) {
  walk_.restart(from);
  at_ = 0;
  by_instruction_ = true;
  Move move = next_here(false);
  if (!move) return std::unexpected(std::move(move.error()));
  if (*move) return std::move(**move);
  return arrive();
}

Result<Stop> ForwardStepper::finish(const TracePoint& from, u64 cfa, GuestAddr back) {
  walk_.restart(from);
  at_ = 0;
  Move move = leave({.cfa = cfa, .back = back, .handler_cfa = {}});
  if (!move) return std::unexpected(std::move(move.error()));
  if (*move) return std::move(**move);
  return arrive();
}

Result<> ForwardStepper::jump_to(const Time& time) {
  const Result<TracePoint> point = execution_.point_at(time);
  if (!point) return std::unexpected(point.error());
  walk_.restart(*point);
  at_ = 0;
  return {};
}

void ForwardStepper::take_level() {
  const std::optional<Line>& line = code_.line((*look(0))->time.pc);
  level_ = line ? line->inline_depth : ~u32{0};
}

bool ForwardStepper::is_line_stop() {
  const Time here = (*look(0))->time;
  const std::optional<Line>& line = code_.line(here.pc);
  if (!line) return false;
  if (over_inlined_ && line->inline_depth > level_) return false;
  level_ = std::min(level_, line->inline_depth);
  if (code_.in_prologue(here.pc)) return false;
  const bool starts = line->starts_statement && here.phase == 0 && here.rest == 0;
  if (starts && line_ != line->id) return true;
  // A line that was entered in its middle is stepped through; code that is no statement belongs to the line before.
  if (here.pc != line->range.begin) line_ = line->id;
  return false;
}

/// Moves to what this frame, or the one that it makes or returns to, executes next.
ForwardStepper::Move ForwardStepper::next_here(bool into) {
  const Result<const TracePoint*> p = look(1);
  if (!p) return std::unexpected(p.error());
  if (!*p) return end_of_history();
  const TracePoint next = **p, here = **look(0);
  // A fault raised at an entry, or a part of a rep instruction there, is no jump to it.
  const bool stays = here.time.pc == next.time.pc && here.time.ticks == next.time.ticks;
  const bool at_entry = !stays && code_.is_entry(next.time.pc);
  switch (arrival(execution_, code_, here, next)) {
    case Arrival::straight:
    case Arrival::jump:
      if (at_entry) return enter_by_jump(next);
      move(1);
      // Frames were left, perhaps, and those here have no lines.
      if (code_.different_functions(here.time.pc, next.time.pc)) return out_to_caller();
      return std::nullopt;
    case Arrival::call:
      return call(next, into);
    case Arrival::returned:
      // To an entry: a jump in disguise (retpolines), or a handler returns to its trampoline.
      if (at_entry && !in_trampoline(next)) return enter_by_jump(next);
      [[fallthrough]];
    case Arrival::resumed:
      move(1);
      return out_to_caller();
    case Arrival::delivered: {
      const std::optional<u64> back = word_at(execution_, next.time, next.stack_pointer);
      return over(
          {.cfa = here.stack_pointer, .back = GuestAddr{back.value_or(0)}, .handler_cfa = next.stack_pointer + 8});
    }
  }
  return std::nullopt;
}

bool ForwardStepper::in_trampoline(const TracePoint& point) {
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(point.time, 2);
  return frames && frames->size() == 2 && (*frames)[1].interrupted;
}

ForwardStepper::Move ForwardStepper::call(const TracePoint& first, bool into) {
  const std::optional<Function>& function = code_.function(first.time.pc);
  if (into && (code_.line(first.time.pc) || (function && function->trampoline))) {
    move(1);
    if (code_.line(first.time.pc)) line_.reset();
    take_level();
    return std::nullopt;
  }
  const std::optional<u64> back = word_at(execution_, first.time, first.stack_pointer);
  return over({.cfa = first.stack_pointer + 8, .back = GuestAddr{back.value_or(0)}, .handler_cfa = {}});
}

/// The function here is left by a jump to the entry of another one (or of itself) in its place.
ForwardStepper::Move ForwardStepper::enter_by_jump(const TracePoint& first) {
  move(1);
  if (by_instruction_) return std::nullopt;
  const std::optional<Function>& function = code_.function(first.time.pc);
  if (code_.line(first.time.pc)) {
    line_.reset();
    take_level();
    return std::nullopt;
  }
  if (function && function->trampoline) return std::nullopt;
  // In its caller's place: a PLT stub has pushed something, so the unwinder says where it returns to.
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(first.time, 2);
  if (!frames || frames->size() < 2) return std::nullopt;
  Move left = leave({.cfa = (*frames)[0].cfa, .back = (*frames)[1].pc, .handler_cfa = {}});
  if (!left || *left) return left;
  return out_to_caller();
}

/// Having come to a caller: on to the nearest one that has lines.
ForwardStepper::Move ForwardStepper::out_to_caller() {
  if (by_instruction_) return std::nullopt;
  take_level();
  const Time here = (*look(0))->time;
  if (code_.line(here.pc)) return std::nullopt;
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(here, all_frames);
  for (std::size_t k = 1; frames && k < frames->size(); ++k) {
    if (!code_.line(pc_within(*frames, k))) continue;
    Callee callee{.cfa = (*frames)[k - 1].cfa, .back = (*frames)[k].pc, .handler_cfa = {}};
    if ((*frames)[k].interrupted) {
      callee.back = (*frames)[k - 1].pc;
      callee.handler_cfa = (*frames)[k >= 2 ? k - 2 : 0].cfa;
    }
    Move left = leave(callee);
    if (!left || *left) return left;
    return out_to_caller();
  }
  no_lines_outside_ = true;
  return std::nullopt;
}

ForwardStepper::Move ForwardStepper::over(const Callee& callee) {
  Move left = leave(callee);
  if (!left || *left || frame_ == 0) return left;
  return out_to_caller();
}

bool ForwardStepper::ends(const Callee& callee, const TracePoint& before, const TracePoint& here) {
  if (callee.handler_cfa) {
    return here.stack_pointer == callee.cfa && arrival(execution_, code_, before, here) == Arrival::resumed;
  }
  return here.time.pc == callee.back && before.stack_pointer == callee.cfa - 8 &&
         arrival(execution_, code_, before, here) == Arrival::returned;
}

/// Which of the frames below has control at `point`.
std::optional<std::size_t> ForwardStepper::frame_below(const TracePoint& point) {
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(point.time, 1);
  if (!frames || frames->empty()) return std::nullopt;
  const auto found = std::ranges::find(below_, frames->front().cfa, &Frame::cfa);
  if (found == below_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - below_.begin());
}

Result<ForwardStepper::Scan> ForwardStepper::scan(Walk& walk, u64 begin, u64 most, const Callee& callee) {
  int checks = 0;  // left since rsp rose above the callee's frame, or went to another stack
  TracePoint before = **walk.at(begin);
  for (u64 n = begin + 1; n <= begin + most; ++n) {
    const Result<const TracePoint*> p = walk.at(n);
    if (!p) return std::unexpected(p.error());
    if (!*p) return Scan{Scan::End::history_end, n};
    const TracePoint here = **p;
    if (ends(callee, before, here)) return Scan{Scan::End::returned, n};
    const u64 from = before.stack_pointer, to = here.stack_pointer;
    const bool other = std::max(from, to) - std::min(from, to) > other_stack;
    if (other || (from < callee.cfa && callee.cfa <= to)) {
      checks = most_checks;
    } else if (to < callee.cfa && callee.cfa <= from) {
      checks = 0;
    }
    const bool elsewhere = before.time.ticks != here.time.ticks &&
                           (code_.different_functions(before.time.pc, here.time.pc) || !code_.function(here.time.pc));
    // By longjmp, in the middle of a function; or as what follows a rise of rsp, be it a return.
    const bool jumps = from == to && !code_.is_entry(here.time.pc);
    if (elsewhere && (jumps || checks > 0)) {
      if (checks > 0) --checks;
      if (const std::optional<std::size_t> frame = frame_below(here)) return Scan{Scan::End::landed, n, *frame};
    }
    before = here;
  }
  return Scan{Scan::End::nothing, begin + most};
}

ForwardStepper::Move ForwardStepper::leave(const Callee& callee) {
  const Time start = (*look(0))->time;
  below_ = code_.symbols().frames_at(start, all_frames).value_or(std::vector<Frame>{});
  const auto ended = std::ranges::find(below_, callee.cfa, &Frame::cfa);
  const std::size_t level = ended == below_.end() ? 0 : static_cast<std::size_t>(ended - below_.begin()) + 1;
  function_below_ = level < below_.size() ? code_.function(pc_within(below_, level)) : std::nullopt;
  below_.erase(below_.begin(), below_.begin() + static_cast<std::ptrdiff_t>(level));
  frame_ = 0;
  const Result<Scan> scanned = scan(walk_, at_, tuning_.near, callee);
  if (!scanned) return std::unexpected(scanned.error());
  switch (scanned->end) {
    case Scan::End::history_end:
      return end_of_history();
    case Scan::End::returned:
    case Scan::End::landed:
      at_ = scanned->at;
      frame_ = scanned->frame;
      return std::nullopt;
    case Scan::End::nothing:
      break;
  }
  return leave_far(callee, start);
}

ForwardStepper::Move ForwardStepper::leave_far(const Callee& callee, const Time& start) {
  Move passed = pass(start);
  if (!passed || *passed) return passed;
  const ThreadId thread = (*look(0))->thread;
  OwnConditions own(thread);
  if (callee.handler_cfa) {
    own.add(callee.back, *callee.handler_cfa);
  } else {
    for (u64 n = 0; n <= most_popped_words; ++n) own.add(callee.back, callee.cfa + 8 * n);
    // The same call again: this one did not return.
    for (u64 n = shortest_call; n <= longest_call; ++n) own.guard(callee.back - n, callee.cfa);
  }
  // A new invocation at the address of the frame that is to get control: it was itself left by a jump.
  if (function_below_) own.guard(function_below_->entry, below_.front().cfa - 8);
  for (;;) {
    if (stop_.stop_requested()) return interrupted();
    Result<RunStop> run = execution_.run_forward(never, own.with(conditions_));
    if (!run) return std::unexpected(std::move(run.error()));
    if (run->end == RunEnd::interrupted) return interrupted();
    const bool hit = run->end == RunEnd::hit;
    if (hit && !OwnConditions::users(run->hits).empty()) return stopped(*run);
    if (!hit || OwnConditions::is_guard(run->hits.front().id)) {
      // Even if the frame is still there at the end: control may have come back to it by a jump, and gone on.
      if (code_.symbols().nonlocal_jumps().empty()) return stopped(*run);
      return leave_by_jump(callee, start);
    }
    const Result<> jumped = jump_to(run->time);
    if (!jumped) return std::unexpected(jumped.error());
    if (callee.handler_cfa) {
      const Result<Scan> scanned = scan(walk_, 0, std::max(tuning_.near, longest_landing), callee);
      if (!scanned) return std::unexpected(scanned.error());
      if (scanned->end == Scan::End::returned) {
        at_ = scanned->at;
        return std::nullopt;
      }
      continue;
    }
    Walk back(execution_, Direction::backward, tuning_, stop_);
    back.restart(**look(0));
    const Result<const TracePoint*> before = back.at(1);
    if (!before) return std::unexpected(before.error());
    if (*before && (*before)->stack_pointer == callee.cfa - 8) return std::nullopt;
  }
}

/// The callee did not return to its caller: runs from one place that may leave frames to the next.
ForwardStepper::Move ForwardStepper::leave_by_jump(const Callee& callee, const Time& start) {
  const Result<> back = execution_.go_to(start);
  if (!back) return std::unexpected(back.error());
  OwnConditions own((*look(0))->thread);
  for (const GuestAddr pc : code_.symbols().nonlocal_jumps()) own.add(pc, std::nullopt);
  // The start may be inside of such a function already.
  for (Time place = start;;) {
    if (stop_.stop_requested()) return interrupted();
    const Result<> jumped = jump_to(place);
    if (!jumped) return std::unexpected(jumped.error());
    const Result<Scan> scanned = scan(walk_, 0, std::max(tuning_.near, longest_landing), callee);
    if (!scanned) return std::unexpected(scanned.error());
    if (scanned->end == Scan::End::returned || scanned->end == Scan::End::landed) {
      at_ = scanned->at;
      frame_ = scanned->frame;
      return std::nullopt;
    }
    Result<RunStop> run = execution_.run_forward(never, own.with(conditions_));
    if (!run) return std::unexpected(std::move(run.error()));
    if (run->end == RunEnd::interrupted) return interrupted();
    if (run->end != RunEnd::hit || !OwnConditions::users(run->hits).empty()) return stopped(*run);
    place = run->time;
  }
}

ForwardStepper::Move ForwardStepper::stopped(const RunStop& run) {
  if (run.end == RunEnd::limit) return std::nullopt;
  Result<Stop> stop = stop_of(run);
  if (!stop) return std::unexpected(std::move(stop.error()));
  return std::move(*stop);
}

/// Moves the execution's position on; a Stop if something of the user's is hit on the way or there.
ForwardStepper::Move ForwardStepper::pass(const Time& limit) {
  if (execution_.position() == limit) return std::nullopt;
  const Result<RunStop> run = execution_.run_forward(limit, conditions_);
  if (!run) return std::unexpected(run.error());
  return stopped(*run);
}

Result<Stop> ForwardStepper::arrive() {
  const Time here = (*look(0))->time;
  Move passed = pass(here);
  if (!passed) return std::unexpected(std::move(passed.error()));
  if (*passed && (*passed)->time != here) return std::move(**passed);
  return Stop{*passed && (*passed)->end == TravelEnd::hit ? TravelEnd::hit : TravelEnd::arrived, here,
              *passed ? std::move((*passed)->hits) : std::vector<Hit>{}};
}

ForwardStepper::Move ForwardStepper::end_of_history() {
  const Result<RunStop> run = execution_.run_forward(never, conditions_);
  if (!run) return std::unexpected(run.error());
  return stopped(*run);
}

}  // namespace fred
