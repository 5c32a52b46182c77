#include "core/dispatch/run_control.h"

#include <algorithm>

#include "core/dispatch/processes.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/threads.h"

namespace fred {

std::string_view to_string(StopReason reason) {
  switch (reason) {
#define R(name)          \
  case StopReason::name: \
    return #name;
    FRED_STOP_REASONS(R)
#undef R
  }
  return "unknown";
}

StopReason RunControl::run_to(const Time& goal) { return go({.time = goal}); }
StopReason RunControl::run_on() { return go({}); }
StopReason RunControl::step(u64 n, ThreadId thread) {
  return n == 0 ? StopReason::reached : go({.steps = n, .thread = thread});
}

StopReason RunControl::step_within(GuestRange range, ThreadId thread) {
  return go({.steps = ~u64{0}, .thread = thread, .within = range});
}

StopReason RunControl::run_ticks(u64 n) {
  if (n == 0) return StopReason::reached;
  const u64 now = engine_.now().ticks;
  return go({.time = {.ticks = n > ~u64{0} - now ? ~u64{0} : now + n, .pc = {}}});
}

StopReason RunControl::collect(const Time& goal) { return go({.time = goal, .use = Conditions::Use::note}); }

StopReason RunControl::trace(const Time& goal, u64 most, std::vector<TracePoint>& points) {
  u64 seen = 0;
  const auto visit = [&](const Time& at) {
    const TracePoint point{
        .time = at, .stack_pointer = engine_.cpu().regs().gpr[rsp], .thread = engine_.process().thread};
    if (points.size() < most) {
      points.push_back(point);
    } else if (most != 0) {
      points[seen % most] = point;
    }
    ++seen;
  };
  const auto reason = go({.time = goal, .use = Conditions::Use::none, .visit = visit});
  if (seen > most && most != 0) {
    std::rotate(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(seen % most), points.end());
  }
  return reason;
}

StopReason RunControl::go(const Goal& goal) {
  const Time begin = engine_.now();
  const bool replaying = engine_.mode() == Mode::replay;
  const u32 process = engine_.process_number();
  const bool limited = replaying && !engine_.is_edited() && horizon_.has_value();
  const Time target = limited ? std::min(goal.time, *horizon_) : goal.time;
  auto& conditions = engine_.conditions();
  const bool noting = goal.use == Conditions::Use::note, stopping = goal.use == Conditions::Use::stop;
  u64 steps = goal.steps;
  const ThreadId stepping = goal.thread != 0 ? goal.thread : engine_.process().thread;
  conditions.arm(goal.use, target);
  engine_.threads().tell_deadlock_again();
  bool moved = false;
  for (Time last = begin;; moved = true) {
    const Time at = engine_.now();
    conditions.set_suspended(!engine_.is_safe_point());
    if (stopping && at != last) conditions.look(at);
    const bool of_thread = engine_.process().thread == stepping && !engine_.threads().stuck();
    const bool stepped_out = goal.within && !goal.within->contains(at.pc);
    if (at != last && steps != 0 && of_thread && !engine_.threads().just_arrived() && (--steps == 0 || stepped_out)) {
      return conditions.has_happened() && engine_.is_safe_point() ? StopReason::hit : StopReason::reached;
    }
    if (engine_.ended()) return goal.steps == 0 && at == goal.time ? StopReason::reached : StopReason::guest_end;
    if (stopping && conditions.has_happened() && engine_.is_safe_point()) return StopReason::hit;
    if (at >= target) {
      if (goal.steps == 0 && (at == goal.time || (goal.time.pc.value == 0 && at.ticks == goal.time.ticks))) {
        return StopReason::reached;
      }
      return limited && at == *horizon_ ? StopReason::history_end : StopReason::passed;
    }
    if (moved && engine_.log_exhausted()) return StopReason::history_end;
    // Without a goal there is nothing to say how far the guest went beyond the last event.
    if (replaying && !limited && goal.steps == 0 && goal.time.ticks == ~u64{0} && engine_.raised_signal() == 0 &&
        engine_.events().peek() == nullptr) {
      return StopReason::history_end;
    }
    if (stopping && at != begin && engine_.is_safe_point()) {
      if (!conditions.hits().empty()) return StopReason::hit;
      if (at_break(at)) return StopReason::break_;
    }
    if (noting && (!moved || at != last)) conditions.look(at);
    if (goal.visit && (!moved || at != last) && engine_.is_safe_point()) goal.visit(at);
    last = at;
    if (control_requested() && engine_.is_safe_point() && on_request_ && on_request_()) return StopReason::interrupted;
    advance(at, target, (goal.steps != 0 && of_thread) || goal.visit != nullptr);
    if (!replaying && engine_.process_number() != process) engine_.run_as_child();
  }
}

void RunControl::advance(const Time& at, const Time& goal, bool one) {
  if (one || at.ticks != goal.ticks) {
    engine_.advance({.stop_ticks = goal.ticks, .one = one});
    return;
  }
  if (at.pc == goal.pc && goal.rest > at.rest && engine_.advance_repeated(goal.rest - at.rest)) return;
  engine_.advance({.stop_ticks = 0, .one = true});
}

bool RunControl::at_break(const Time& at) const {
  return at.phase == 0 && at.rest == 0 && engine_.is_safe_point() && !engine_.threads().just_arrived() &&
         breaks_.contains(at.pc);
}

void RunControl::set_break(GuestAddr pc, bool on) {
  if (on) {
    breaks_.insert(pc);
  } else {
    breaks_.erase(pc);
  }
  engine_.cpu().set_break(pc, on);
}

void RunControl::clear_breaks() {
  for (const auto pc : breaks_) engine_.cpu().set_break(pc, false);
  breaks_.clear();
}

}  // namespace fred
