// A step backwards looks at pairs of neighbouring points of one thread, the latest first:
//
// - A return: the callee's frame address is rsp before it + 8, and its call is the last point before with exactly
//   that rsp, because all that ran in between lay deeper or on another stack. The call must lie just before the
//   address that was returned to; if it does not, no call was ended here but frames were abandoned (an exception).
// - rt_sigreturn: the interrupted point is the last one before with rsp as it was restored.
// - A jump into the middle of another function abandoned frames (longjmp) if the stack before it, unwound, holds
//   the frame in which it arrived: then that frame's call, as the unwinder gives it, is what was executed before.
// - A call, or a jump to a function's entry: the function was entered here.
//
// What is longer ago than Tuning::near is found by conditions on the same pc and rsp instead.
#include "reverse/timeline/back_stepper.h"

#include <algorithm>
#include <utility>

namespace fred {
namespace {
constexpr int most_unwindings = 3;
constexpr u64 syscall_size = 2;  // an interrupted system call may be restarted: its pc is either side of it
}  // namespace

Result<std::optional<Time>> BackStepper::line(const TracePoint& from, bool into) {
  walk_.restart(from);
  at_ = 0;
  code_.begin_at(from.time.pc);
  over_inlined_ = !into;
  take_level();
  u64 unknown = 0;
  for (;;) {
    bool stays = false;
    const GuestAddr here = (*look(0))->time.pc;
    // Code of which nothing is known (a call through a wild pointer, a compiler's at run time) is left as a whole, to
    // the call that led there. It is short, or gdb is asked who called.
    const bool known = code_.line(here) || code_.function(here);
    const bool leave = !known && ++unknown > tuning_.near;
    if (leave) unknown = 0;
    const Move move = leave ? out_of_unknown_code() : before_here(into, stays);
    if (!move || *move != Found::yes) return result(move);
    if (stays) continue;
    const Result<bool> stop = is_line_stop();
    if (!stop) return std::unexpected(stop.error());
    if (*stop || no_lines_outside_) return result(move);
  }
}

Result<std::optional<Time>> BackStepper::instruction(const TracePoint& from) {
  walk_.restart(from);
  at_ = 0;
  const Result<const TracePoint*> before = look(1);
  if (!before) return std::unexpected(before.error());
  if (!*before) return std::nullopt;
  const TracePoint last = **before;
  const Arrival how = arrival(execution_, code_, last, from);
  if (how == Arrival::returned && !code_.is_entry(from.time.pc)) return result(over_call(last, false));
  if (how == Arrival::resumed) return result(over_handler());
  if (code_.different_functions(last.time.pc, from.time.pc) && !code_.is_entry(from.time.pc) && how == Arrival::jump) {
    const Move origin = to_origin(false);
    if (!origin || *origin != Found::no) return result(origin);
  }
  return last.time;
}

Result<std::optional<Time>> BackStepper::entry(const TracePoint& from, const std::vector<Frame>& frames,
                                               std::size_t level) {
  walk_.restart(from);
  at_ = 0;
  const u64 cfa = frames[level].cfa;
  // A handler was not called by its trampoline.
  const std::size_t caller = level + (level + 2 < frames.size() && frames[level + 2].interrupted ? 2 : 1);
  const Call call{.cfa = frames[caller - 1].cfa, .back = frames[caller].pc, .or_interrupted = true};
  const std::optional<Function> function = code_.function(pc_within(frames, level));
  if (!function) {
    const Move found = find_call(call);
    if (found && *found == Found::no) return fail("the call that made this frame is not in its stack");
    return result(found);
  }
  bool found = false;
  for (u64 n = 0; n <= tuning_.near && !found; ++n) {
    const Result<const TracePoint*> p = look(n);
    if (!p) return std::unexpected(p.error());
    if (!*p) return std::nullopt;
    const Time& time = (*p)->time;
    const bool calls = time.phase == 0 && (may_be_call_before(time.pc, call.back) || time.pc == call.back);
    if ((*p)->stack_pointer == call.cfa && calls) return time;
    found = (*p)->stack_pointer == cfa - 8 && time.pc == function->entry && time.phase == 0;
    if (found) move(n);
  }
  if (!found) {
    OwnConditions own(from.thread);
    own.guard(function->entry, cfa - 8);
    for (u64 n = shortest_call; n <= longest_call; ++n) own.add(call.back - n, call.cfa);
    own.add(call.back, call.cfa);
    const Result<std::optional<Hit>> hit = search(from.time, own);
    if (!hit) return std::unexpected(hit.error());
    if (!*hit) return std::nullopt;
    if (!OwnConditions::is_guard((*hit)->id)) return (*hit)->at;
  }
  return before_entry(call);
}

/// Having come to a function's first instruction: to what entered it.
Result<std::optional<Time>> BackStepper::before_entry(const Call& call) {
  for (;;) {
    const Result<const TracePoint*> before = look(1);
    if (!before) return std::unexpected(before.error());
    if (!*before) return std::nullopt;
    if (arrival(execution_, code_, **before, **look(0)) != Arrival::resumed) break;
    // A signal came just then.
    const Move over = over_handler();
    if (!over || *over != Found::yes) return result(over);
  }
  const TracePoint last = **look(1), first = **look(0);
  const Arrival how = arrival(execution_, code_, last, first);
  if (how == Arrival::call || how == Arrival::delivered || code_.line(last.time.pc)) return last.time;
  // A jump from code without lines in its caller's place.
  const Move called = find_call(call);
  if (called && *called == Found::no) return last.time;
  return result(called);
}

Result<std::optional<Time>> BackStepper::result(const Move& move) {
  if (!move) return std::unexpected(move.error());
  if (*move == Found::history_begin || *move == Found::no) return std::nullopt;
  const Result<const TracePoint*> here = look(0);
  if (!here) return std::unexpected(here.error());
  return (*here)->time;
}

Result<> BackStepper::jump_to(const Time& time) {
  const Result<TracePoint> point = execution_.point_at(time);
  if (!point) return std::unexpected(point.error());
  walk_.restart(*point);
  at_ = 0;
  return {};
}

void BackStepper::take_level() {
  const Result<const TracePoint*> here = look(0);
  const std::optional<Line>& line = code_.line((*here)->time.pc);
  level_ = line ? line->inline_depth : ~u32{0};
  stands_in_ = line ? line->skipped_calls : std::vector<GuestAddr>{};
}

void BackStepper::enter(u64 back) {
  move(back);
  take_level();
  stands_in_.clear();
}

bool BackStepper::in_skipped_call(const Line& line) {
  stands_in_.erase(std::ranges::mismatch(stands_in_, line.skipped_calls).in1, stands_in_.end());
  return stands_in_.size() < line.skipped_calls.size();
}

Result<bool> BackStepper::is_line_stop() {
  const Result<const TracePoint*> p = look(0);
  if (!p) return std::unexpected(p.error());
  const TracePoint here = **p;
  const std::optional<Line> line = code_.line(here.time.pc);
  if (!line) return false;
  if (over_inlined_ ? line->inline_depth > level_ : in_skipped_call(*line)) return false;
  level_ = std::min(level_, line->inline_depth);
  if (!line->starts_statement || here.time.phase != 0 || here.time.rest != 0) return false;
  if (code_.in_prologue(here.time.pc)) return false;
  if (here.time.pc == line->range.begin) return true;
  return comes_from_other_line(here, *line);
}

/// A statement that begins within its line's range is a stop only if control came to it from another line.
Result<bool> BackStepper::comes_from_other_line(const TracePoint& here, const Line& line) {
  const Result<const TracePoint*> before = look(1);
  if (!before) return std::unexpected(before.error());
  if (!*before) return false;
  GuestAddr from = (*before)->time.pc;
  switch (arrival(execution_, code_, **before, here)) {
    case Arrival::resumed:
      return false;
    case Arrival::returned:
      from = here.time.pc - 1;  // within the call
      break;
    case Arrival::straight:
    case Arrival::jump:
      if (code_.different_functions(from, here.time.pc)) return true;
      break;
    case Arrival::call:
    case Arrival::delivered:
      return true;
  }
  const std::optional<Line>& other = code_.line(from);
  return !other || other->id != line.id;
}

/// Moves to what this frame, or the one it was entered from, executed before. `stays`: nothing was executed in between.
BackStepper::Move BackStepper::before_here(bool into, bool& stays) {
  const Result<const TracePoint*> p = look(1);
  if (!p) return std::unexpected(p.error());
  if (!*p) return Found::history_begin;
  const TracePoint before = **p, here = **look(0);
  switch (arrival(execution_, code_, before, here)) {
    case Arrival::straight:
    case Arrival::jump:
      if (code_.different_functions(before.time.pc, here.time.pc)) return across(before, into);
      move(1);
      return Found::yes;
    case Arrival::returned:
      return code_.is_entry(here.time.pc) ? returned_to_entry(before, into) : over_call(before, into);
    case Arrival::call:
    case Arrival::delivered:
      move(1);
      return out_to_caller();
    case Arrival::resumed: {
      const Move found = over_handler();
      if (found && *found == Found::yes) stays = (*look(0))->time.pc == here.time.pc;
      return found;
    }
  }
  return Found::no;
}

/// A return to a function's entry is a jump in disguise (retpolines), or a handler has returned to its trampoline.
BackStepper::Move BackStepper::returned_to_entry(const TracePoint& before, bool into) {
  const TracePoint here = **look(0);
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(here.time, 2);
  if (!frames || frames->size() < 2 || !(*frames)[1].interrupted) return across(before, into);
  if (into && code_.enters(before.time.pc)) {
    enter(1);
    return Found::yes;
  }
  const Move found = find_call({.skip = 1, .cfa = (*frames)[0].cfa, .back = (*frames)[1].pc, .or_interrupted = true});
  if (!found || *found != Found::yes) return found;
  return out_to_caller();
}

BackStepper::Move BackStepper::over_call(const TracePoint& before, bool into) {
  if (into && code_.enters(before.time.pc)) {
    enter(1);
    return Found::yes;
  }
  const GuestAddr back = (*look(0))->time.pc;
  const Move found = find_call({.skip = 1, .cfa = before.stack_pointer + 8, .back = back, .of_this_invocation = false});
  if (!found || *found == Found::yes || *found == Found::user_hit) return found;
  const Move origin = to_origin(into);
  if (!origin || *origin != Found::no || *found == Found::history_begin)
    return origin && *origin == Found::no ? found : origin;
  move(1);
  return Found::yes;
}

BackStepper::Move BackStepper::over_handler() {
  const TracePoint here = **look(0);
  u64 n = 2;
  for (bool searched = false;; ++n) {
    const Result<const TracePoint*> p = look(n);
    if (!p) return std::unexpected(p.error());
    if (!*p) return Found::history_begin;
    if ((*p)->stack_pointer == here.stack_pointer) {
      move((*p)->time.phase == 0 ? n : n + 1);
      return Found::yes;
    }
    if (n < tuning_.near || searched) continue;
    searched = true;
    const u64 kept = at_;
    const Walk kept_walk = walk_;
    OwnConditions own(here.thread);
    own.add(here.time.pc, here.stack_pointer);
    own.add(here.time.pc - syscall_size, here.stack_pointer);
    const Result<std::optional<Hit>> hit = search(here.time, own);
    if (!hit) return std::unexpected(hit.error());
    if (*hit && !OwnConditions::owns((*hit)->id)) return Found::user_hit;
    if (*hit) {
      // The handler may have changed where it returns to: then an older visit of that place was found.
      Walk after(execution_, Direction::forward, tuning_, stop_);
      after.restart(**look(0));
      const TracePoint interrupted_at = **look(0);
      u64 next = 1;
      Result<const TracePoint*> q = after.at(next);
      while (q && *q && (*q)->time.pc == interrupted_at.time.pc && (*q)->time.phase == 1) q = after.at(++next);
      if (q && *q && arrival(execution_, code_, interrupted_at, **q) == Arrival::delivered) return Found::yes;
    }
    walk_ = kept_walk;
    at_ = kept;
  }
}

/// Having come to the instruction that called: on to the nearest caller that has lines.
BackStepper::Move BackStepper::out_to_caller() {
  take_level();
  const Time here = (*look(0))->time;
  if (code_.line(here.pc)) return Found::yes;
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(here, all_frames);
  for (std::size_t k = 1; frames && k < frames->size(); ++k) {
    const Frame& frame = (*frames)[k];
    if (!code_.line(pc_within(*frames, k))) continue;
    const Move found = find_call({.cfa = (*frames)[k - 1].cfa, .back = frame.pc, .or_interrupted = true});
    if (!found || *found == Found::user_hit) return found;
    if (*found != Found::yes) break;
    take_level();
    return Found::yes;
  }
  no_lines_outside_ = true;
  return Found::yes;
}

/// To the nearest caller that has lines; nowhere if the unwinder finds none.
BackStepper::Move BackStepper::out_of_unknown_code() {
  const Walk kept_walk = walk_;
  const u64 kept = at_;
  const Move found = out_to_caller();
  if (!found || *found == Found::user_hit || !std::exchange(no_lines_outside_, false)) return found;
  walk_ = kept_walk;
  at_ = kept;
  move(1);
  return Found::yes;
}

/// `before` lies in another function and did not call this one.
BackStepper::Move BackStepper::across(const TracePoint& before, bool into) {
  const TracePoint here = **look(0);
  const bool at_entry = code_.is_entry(here.time.pc);
  if (!at_entry && !(into && code_.enters(before.time.pc))) {
    const Move origin = to_origin(into);
    if (!origin || *origin != Found::no) return origin;
  }
  if (code_.line(before.time.pc)) {
    enter(1);
    if (at_entry) take_level();
    return Found::yes;
  }
  const std::optional<Function>& from = code_.function(before.time.pc);
  if (from && from->trampoline) {
    // On the way of a call: left backwards as it was entered.
    move(1);
    return Found::yes;
  }
  if (!at_entry) {
    // A switch of stacks back to where this one was left by a call.
    const Move left =
        find_call({.skip = 1, .cfa = here.stack_pointer, .back = here.time.pc, .of_this_invocation = false});
    if (!left || *left == Found::yes || *left == Found::user_hit) return left;
  }
  // Code without lines that jumped here in its caller's place.
  std::optional<Call> call;
  const Result<std::vector<Frame>> frames = code_.symbols().frames_at(here.time, 3);
  if (frames && frames->size() >= 2) {
    // A handler was not called by its trampoline.
    const std::size_t caller = frames->size() == 3 && (*frames)[2].interrupted ? 2 : 1;
    call = {.skip = 0, .cfa = (*frames)[caller - 1].cfa, .back = (*frames)[caller].pc, .or_interrupted = true};
  }
  if (call) {
    const Move found = find_call(*call);
    if (!found || *found == Found::user_hit) return found;
    if (*found == Found::yes) return out_to_caller();
  }
  // No caller is known.
  no_lines_outside_ = true;
  move(1);
  return Found::yes;
}

/// Further back than before, the next stack that holds the frame here, below others.
Result<bool> BackStepper::next_stack(Stacks& stacks) {
  const TracePoint here = **look(0);
  for (u64 n = stacks.n + 1; n <= std::max(tuning_.near, longest_landing); ++n) {
    stacks.n = n;
    const Result<const TracePoint*> p = look(n);
    if (!p) return std::unexpected(p.error());
    if (!*p) return false;
    const u64 sp = (*p)->stack_pointer;
    const bool elsewhere = sp > here.stack_pointer && sp - here.stack_pointer > other_stack;
    if (stacks.tries != 0 && sp >= here.stack_pointer && !elsewhere) return false;  // before what was abandoned
    // At first where rsp was deeper, then ever longer ago.
    const bool near = stacks.tries < most_unwindings;
    if (near ? sp >= stacks.deepest && !elsewhere : n < stacks.far) continue;
    if (elsewhere && near && stacks.tries != 0 && sp == stacks.last) continue;
    stacks.far = std::max(stacks.far, 2 * n);
    stacks.last = sp;
    stacks.deepest = std::min(stacks.deepest, sp);
    ++stacks.tries;
    stacks.frames = code_.symbols().frames_at((*p)->time, all_frames).value_or(std::vector<Frame>{});
    const auto same = std::ranges::find(stacks.frames, stacks.cfa, &Frame::cfa);
    if (same == stacks.frames.begin()) return false;
    if (same == stacks.frames.end()) continue;
    stacks.level = static_cast<std::size_t>(same - stacks.frames.begin());
    if (!code_.different_functions(pc_within(stacks.frames, stacks.level), here.time.pc)) return true;
  }
  return false;
}

/// Control may have arrived here by abandoning frames. Then moves to the call in this frame that was left that way,
/// or, with `into`, to the one in the innermost abandoned frame with lines. The last instructions before have half of
/// the registers of here, or have put what will be there on the stack; and glibc's longjmp tells the unwinder where it
/// goes to. So stacks from longer ago are tried, until the call that one tells of is found.
BackStepper::Move BackStepper::to_origin(bool into) {
  const TracePoint here = **look(0);
  const Result<std::vector<Frame>> own = code_.symbols().frames_at(here.time, 1);
  if (!own || own->empty()) return Found::no;
  Stacks stacks{.cfa = own->front().cfa, .deepest = here.stack_pointer, .frames = {}};
  std::optional<Stacks> landing;
  Found last = Found::no;
  for (;;) {
    const Result<bool> another = next_stack(stacks);
    if (!another) return std::unexpected(another.error());
    if (*another && stacks.frames[stacks.level].pc == here.time.pc) {
      if (!landing) landing = stacks;
      continue;
    }
    if (!*another && !landing) return last;
    const Move found = to_origin(*another ? stacks : *landing, into);
    if (!found || *found == Found::yes || *found == Found::user_hit || !*another) return found;
    last = *found;
  }
}

BackStepper::Move BackStepper::to_origin(const Stacks& stack, bool into) {
  const auto& frames = stack.frames;
  std::size_t target = stack.level;
  if (into) {
    if (code_.enters((*look(stack.n))->time.pc)) {
      enter(stack.n);
      return Found::yes;
    }
    target = 1;
    while (target != stack.level && !code_.enters(pc_within(frames, target))) ++target;
  }
  const Move found =
      find_call({.skip = stack.n, .cfa = frames[target - 1].cfa, .back = frames[target].pc, .or_interrupted = true});
  if (found && *found == Found::yes && target != stack.level) enter(0);
  return found;
}

BackStepper::Move BackStepper::find_call(const Call& call) {
  u64 inner = ~u64{0};  // rsp of the point behind
  for (u64 n = call.skip; n <= call.skip + tuning_.near; ++n) {
    const Result<const TracePoint*> p = look(n);
    if (!p) return std::unexpected(p.error());
    if (!*p) return Found::history_begin;
    const TracePoint& point = **p;
    if (n > call.skip && point.stack_pointer == call.cfa) {
      const GuestAddr pc = point.time.pc;
      const bool calls = may_be_call_before(pc, call.back) && inner == call.cfa - 8;
      const bool is_interrupted = call.or_interrupted && (pc == call.back || pc + syscall_size == call.back);
      if (!calls && !is_interrupted) return Found::no;
      move(point.time.phase == 0 ? n : n + 1);
      return Found::yes;
    }
    inner = point.stack_pointer;
  }
  return search_call(call);
}

BackStepper::Move BackStepper::search_call(const Call& call) {
  const TracePoint here = **look(0);
  OwnConditions own(here.thread);
  for (u64 n = shortest_call; n <= longest_call; ++n) own.add(call.back - n, call.cfa);
  if (call.or_interrupted) own.add(call.back, call.cfa);
  if (!call.of_this_invocation) {
    // An exception arrives by a return too, at a place that has code before it that may have been executed: as a call
    // that has returned since, or by an older invocation with the same frame address.
    own.guard(call.back, here.stack_pointer);
    const Result<std::vector<Frame>> frames = code_.symbols().frames_at(here.time, 1);
    const std::optional<Function>& function = code_.function(here.time.pc);
    if (frames && !frames->empty() && function) {
      own.guard(function->entry, frames->front().cfa - 8);
    }
  }
  const Walk kept_walk = walk_;
  const u64 kept = at_;
  const Result<std::optional<Hit>> hit = search(here.time, own);
  if (!hit) return std::unexpected(hit.error());
  if (!*hit) return Found::history_begin;
  if (!OwnConditions::owns((*hit)->id)) return Found::user_hit;
  if (!OwnConditions::is_guard((*hit)->id)) {
    if (call.or_interrupted) return Found::yes;
    Walk after(execution_, Direction::forward, tuning_, stop_);
    after.restart(**look(0));
    const Result<const TracePoint*> next = after.at(1);
    if (!next) return std::unexpected(next.error());
    if (*next && (*next)->stack_pointer == call.cfa - 8) return Found::yes;
  }
  walk_ = kept_walk;
  at_ = kept;
  return Found::no;
}

Result<std::optional<Hit>> BackStepper::search(const Time& to, const OwnConditions& own) {
  // At the same Time an own hit comes first and decides: the command looks for the user's there anyway.
  const Result<std::vector<Hit>> hits = search_.last(execution_.begin(), to, own.with(conditions_), false, stop_);
  if (!hits) return std::unexpected(hits.error());
  if (hits->empty()) return std::nullopt;
  const Result<> moved = jump_to(hits->front().at);
  if (!moved) return std::unexpected(moved.error());
  return hits->front();
}

}  // namespace fred
