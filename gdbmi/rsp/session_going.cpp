// How the session moves for gdb, and what it says where it stops.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "gdbmi/rsp/session_target.h"

namespace fred::remote {

namespace {

/// Conditions that are no points of gdb's.
constexpr ConditionId signals_id{0xffff'fff0}, syscalls_id{0xffff'fff1};
constexpr ConditionId fork_id{0xffff'fff2}, vfork_id{0xffff'fff3}, exec_id{0xffff'fff4};
constexpr u32 first_register_id = 0xffff'ff00;
constexpr int last_signal = 64;

WatchCondition::Access access_of(PointKind kind) {
  switch (kind) {
    case PointKind::read_watch:
      return WatchCondition::Access::read;
    case PointKind::access_watch:
      return WatchCondition::Access::access;
    default:
      return WatchCondition::Access::write;
  }
}

Condition condition_of(const Point& point, ConditionId id) {
  if (point.kind < PointKind::write_watch)
    return {.id = id, .what = BreakCondition{.pc = point.at, .stack_pointer = {}}, .thread = {}};
  return {.id = id, .what = WatchCondition{guest_range(point.at, point.size), access_of(point.kind)}, .thread = {}};
}

const Condition exec_condition{.id = exec_id, .what = ProcessCondition{ProcessCondition::Event::exec}, .thread = {}};

bool is_watch(const Condition& c) { return std::holds_alternative<WatchCondition>(c.what); }

}  // namespace

/// Backwards only what the user is known to catch: gdb tells its target nothing of that, and goes on by itself.
std::vector<Condition> SessionTarget::conditions(For what) const {
  const bool stepping = what == For::stepping;
  std::vector<Condition> all;
  if (const auto points = points_.find(process_id()); points != points_.end()) {
    for (const auto& [point, id] : points->second) all.push_back(condition_of(point, id));
  }
  using enum ProcessCondition::Event;
  for (const auto& [event, id] : {std::pair{fork, fork_id}, {vfork, vfork_id}, {exec, exec_id}}) {
    if (!reports_processes_) break;
    if (what == For::going_back && event == exec) continue;  // go_back() has it in any case
    if (what == For::going_back && std::ranges::find(caught_backwards_, event) == caught_backwards_.end()) continue;
    all.push_back({.id = id, .what = ProcessCondition{event}, .thread = {}});
  }
  if (catching_) all.push_back({.id = syscalls_id, .what = SyscallCondition{caught_}, .thread = {}});
  SignalCondition signals;
  for (int n = 1; n <= last_signal; ++n) {
    if (stepping || stops_at(n)) signals.numbers.push_back(n);
  }
  if (!signals.numbers.empty()) all.push_back({.id = signals_id, .what = std::move(signals), .thread = {}});
  return all;
}

Condition SessionTarget::register_condition(Gpr gpr, ThreadId thread) {
  return {.id = ConditionId{first_register_id + gpr}, .what = RegisterCondition{gpr}, .thread = thread};
}

std::vector<Condition> SessionTarget::watched_registers(ThreadId thread) {
  std::vector<Condition> all;
  for (const auto gpr : free_run_) all.push_back(register_condition(gpr, thread != 0 ? thread : running_thread()));
  return all;
}

bool SessionTarget::stops_at(int signal) const { return std::ranges::find(passed_, signal) == passed_.end(); }

const Point* SessionTarget::point_of(ConditionId id) const {
  const auto points = points_.find(process_id());
  if (points == points_.end()) return nullptr;
  const auto found = std::ranges::find(points->second, id, [](const auto& entry) { return entry.second; });
  return found != points->second.end() ? &found->first : nullptr;
}

void SessionTarget::resume(const ResumeRequest& request, std::function<void(StopEvent)> stopped) {
  if (const auto event = std::exchange(next_event_, std::nullopt)) return stopped(*event);
  const auto kept_info = std::exchange(kept_info_, {});
  jumped_ = !jumps_.empty();
  if (jumped_) {
    const auto jump = std::move(jumps_.front());
    jumps_.pop_front();
    const auto there = session_.go_to(jump.to);
    return stopped(there ? event_of_all(jump.hits) : failed_event(there.error()));
  }
  const bool freely = !free_run_.empty() && !request.over_breakpoint;
  const bool stepping = (request.motion == Motion::step && !freely) || request.motion == Motion::step_range;
  Forward how{.conditions = conditions(stepping ? For::stepping : For::going),
              .thread = request.thread,
              .alone = {.thread = request.alone, .unless_waits = request.unless_waits}};
  switch (request.motion) {
    case Motion::go_back:
      return stopped(go_back());
    case Motion::step_back:
      return stopped(freely ? go_back(watched_registers(request.thread)) : step_back(request.thread));
    case Motion::step:
      if (freely) {
        std::ranges::move(watched_registers(request.thread), std::back_inserter(how.conditions));
      } else {
        how.steps = 1;
      }
      break;
    case Motion::step_range:
      how.stay_in = request.range;
      break;
    case Motion::go:
      break;
  }
  if (const auto passed = stepping && !request.signal ? passed_signal_here() : std::nullopt) {
    return stopped(StoppedBySignal{*passed});
  }
  if (session_.at_tip() && !session_.is_changed_in_past()) {
    return go_on(request, how, kept_info, std::move(stopped));
  }
  if (request.signal) tell_if_unsent(*request.signal);
  auto stop = session_.run_recorded(how);
  while (only_unknown_children(stop)) stop = session_.run_recorded(how);
  stopped(event_of(stop));
}

/// A child that is not recorded: gdb is not told of it.
bool SessionTarget::only_unknown_children(const Result<RunStop>& stop) {
  return stop && stop->end == RunEnd::hit && !stop->hits.empty() &&
         std::ranges::all_of(stop->hits, [this](const Hit& hit) {
           return (hit.id == fork_id || hit.id == vfork_id) && !event_of_fork(hit);
         });
}

/// What else is due at the same Time as an event of processes is told when gdb goes on.
StopEvent SessionTarget::event_of_all(const std::vector<Hit>& hits) {
  for (const auto& hit : hits) {
    auto event = event_of_fork(hit);
    if (hit.id == exec_id) event = ExecutedProgram{executable().value_or("")};
    if (!event) continue;
    std::vector<Hit> others;
    std::ranges::copy_if(hits, std::back_inserter(others), [&](const Hit& h) { return h.id != hit.id; });
    if (!others.empty()) next_event_ = event_of_hits(others);
    return *event;
  }
  return event_of_hits(hits);
}

std::optional<StopEvent> SessionTarget::event_of_fork(const Hit& hit) {
  if (hit.id != fork_id && hit.id != vfork_id) return std::nullopt;
  Forked forked{.vfork = hit.id == vfork_id, .child = static_cast<i64>(hit.number)};
  if (session_.process_of(static_cast<pid_t>(hit.number)) != nullptr) return forked;
  if (hit.end < 0) return std::nullopt;
  if (WIFEXITED(hit.end)) forked.end = Exited{WEXITSTATUS(hit.end)};
  if (WIFSIGNALED(hit.end)) forked.end = KilledBy{WTERMSIG(hit.end)};
  return forked;
}

ThreadId SessionTarget::running_thread() {
  const auto peer = session_.here();
  const auto thread = peer ? (*peer)->thread() : std::unexpected(peer.error());
  return thread.value_or(0);
}

/// gdb names a signal that it has been told of, or one that the user wants to send: in the past only the former comes.
void SessionTarget::tell_if_unsent(int signal) {
  const auto peer = session_.here();
  if (!peer) return;
  const auto waiting = (*peer)->waiting_signal();
  if (!waiting || (*waiting && (*waiting)->number == signal)) return;
  tell(fmt::format("signal {} ({}) is not sent in the past: history cannot be changed", signal, strsignal(signal)));
}

/// One that gdb was not told of and that is delivered next.
std::optional<int> SessionTarget::passed_signal_here() {
  const auto peer = session_.here();
  if (!peer || session_.is_changed_in_past()) return std::nullopt;
  const auto waiting = (*peer)->waiting_signal();
  if (!waiting || !*waiting || stops_at((*waiting)->number)) return std::nullopt;
  return (*waiting)->number;
}

void SessionTarget::go_on(const ResumeRequest& request, const Forward& how, std::span<const u8> kept_info,
                          std::function<void(StopEvent)> stopped) {
  if (const auto end = session_.end()) {
    const u32 number = session_.process_number();
    session_.let_end();
    tell(fmt::format("its history is kept until the next run: process {} opens it again", number));
    if (end->gone) return stopped(KilledBy{SIGKILL});
    if (end->by_signal) return stopped(KilledBy{end->status});
    child_result_.is_reported(end->status);
    return stopped(Exited{end->status});
  }
  if (auto set = take_signal(request.signal, kept_info); !set) return stopped(failed_event(set.error()));
  if (live_) live_(true);
  session_.run_live(how, [this, request, how, stopped = std::move(stopped)](const Result<RunStop>& s) {
    if (live_) live_(false);
    if (only_unknown_children(s)) return go_on(request, how, {}, stopped);
    stopped(event_of(s));
  });
}

/// gdb says with which signal the program is to go on. What waits may be that one, or is replaced. One that gdb was not
/// told of, because it passes it, is no reason for gdb to name it.
Result<> SessionTarget::take_signal(std::optional<int> wanted, std::span<const u8> kept_info) {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  const auto waiting = (*peer)->waiting_signal();
  if (!waiting) return std::unexpected(waiting.error());
  const int now = *waiting ? (*waiting)->number : 0;
  if (wanted.value_or(0) == now) return {};
  if (!wanted && !stops_at(now)) return {};
  siginfo_t kept{};
  if (kept_info.size() == sizeof kept) std::memcpy(&kept, kept_info.data(), sizeof kept);
  if (kept.si_signo != wanted.value_or(0)) kept_info = {};
  return session_.set_signal(wanted.value_or(0), kept_info);
}

/// One that only raised a fault is no point of its own; it follows the same instruction's. Other threads may have run
/// since the last one of this.
Result<std::optional<Time>> SessionTarget::last_point_of(ThreadId wanted, const Time& from) {
  const ThreadId thread = wanted != 0 ? wanted : running_thread();
  Time to = from;
  for (u64 most = 2;; most *= 8) {
    const auto points = session_.trace_before(to, most);
    if (!points) return std::unexpected(points.error());
    bool any = false;
    std::optional<Time> last;
    for (const auto& p : *points) {
      any |= p.thread == thread;
      if (p.thread == thread && p.time.phase == 0) last = p.time;
    }
    if (last || points->size() < most) return last;
    if (any) continue;
    const auto behind = behind_last_turn(session_, *search_, thread, points->front().time, {});
    if (!behind || !*behind) return behind;
    to = **behind;
    most = 2;
  }
}

StopEvent SessionTarget::step_back(ThreadId thread) {
  Time from = session_.position();
  from.phase = 0;  // an instruction that has raised a fault has not been executed
  const auto last = last_point_of(thread, from);
  if (!last) return failed_event(last.error());
  if (!*last) return HistoryBound::begin;
  Time to = **last;
  // A watched object that the instruction changes is reported, as going forward would.
  auto watches = conditions();
  std::erase_if(watches, [](const Condition& c) { return !is_watch(c); });
  std::vector<Hit> hits;
  if (!watches.empty()) {
    const auto notes = session_.collect(to, from, watches);
    if (!notes) return failed_event(notes.error());
    for (const auto& note : *notes) {
      if (note.last) hits.push_back(*note.last);
    }
    // What was changed from within gdb lies behind the instruction: one step back takes that back.
    for (const auto& hit : hits) to = std::max(to, hit.at);
    std::erase_if(hits, [&](const Hit& hit) { return hit.at < to; });
  }
  if (const auto there = session_.go_to(to); !there) return failed_event(there.error());
  return hits.empty() ? StopEvent{arrival} : event_of_hits(hits);
}

StopEvent SessionTarget::go_back(const std::vector<Condition>& also) {
  auto wanted = conditions();
  wanted.insert(wanted.end(), also.begin(), also.end());
  if (reports_processes_) wanted.push_back(exec_condition);
  auto hits = search_->last(session_.begin(), session_.position(), wanted, true, {});
  if (!hits) return failed_event(hits.error());
  const auto executed = std::ranges::find(*hits, exec_id, &Hit::id);
  if (executed != hits->end() && hits->size() == 1) return back_over_exec(*executed);
  if (executed != hits->end()) hits->erase(executed);
  const auto there = session_.go_to(hits->empty() ? session_.begin() : hits->front().at);
  if (!there) return failed_event(there.error());
  if (hits->empty()) return HistoryBound::begin;
  return event_of_all(*hits);
}

/// gdb is told of the program before, right before it executed another one: only then it inserts its breakpoints there.
StopEvent SessionTarget::back_over_exec(const Hit& executed) {
  const auto before = session_.trace_before(executed.at, 1);
  if (!before) return failed_event(before.error());
  if (before->empty()) return HistoryBound::begin;
  if (const auto there = session_.go_to(before->front().time); !there) return failed_event(there.error());
  return ExecutedProgram{executable().value_or("")};
}

StopEvent SessionTarget::failed_event(const Error& error) {
  if (error.code == EINTR) return StoppedBySignal{SIGINT};
  tell(error.message);
  return StoppedBySignal{};
}

StopEvent SessionTarget::event_of(const Result<RunStop>& stop) {
  if (!stop) return failed_event(stop.error());
  switch (stop->end) {
    case RunEnd::limit:
      return arrival;
    case RunEnd::hit:
      return event_of_all(stop->hits);
    case RunEnd::interrupted:
      return StoppedBySignal{SIGINT};
    case RunEnd::history_end:
      return event_of_tip();
    case RunEnd::guest_end:
      return event_of_end();
  }
  return StoppedBySignal{};
}

/// Arriving from the past where live stands: what it has stopped for is said again.
StopEvent SessionTarget::event_of_tip() {
  if (const auto peer = session_.here()) {
    const auto waiting = (*peer)->waiting_signal();
    if (waiting && *waiting && stops_at((*waiting)->number)) return StoppedBySignal{(*waiting)->number};
  }
  return HistoryBound::end;
}

StopEvent SessionTarget::event_of_end() {
  const auto end = session_.end();
  if (!end) return HistoryBound::end;
  if (end->gone) {
    const auto* process = session_.process_of(static_cast<pid_t>(process_id()));
    const bool goes_on = process != nullptr && process->unrecorded;
    tell(fmt::format("the program {}; its history up to the last event is here",
                     goes_on ? "goes on without being recorded" : "was killed from outside"));
    return StoppedBySignal{SIGKILL};
  }
  if (end->by_signal) {
    tell(fmt::format("the program ends here by signal {} ({}); going back is possible", end->status,
                     strsignal(end->status)));
    return StoppedBySignal{end->status};
  }
  child_result_.comes_to_end(end->status);
  tell(fmt::format("the program ends here with exit status {}; going back is possible", end->status));
  return StoppedBySignal{};
}

/// Of several that hold at one Time the one that gdb can least find out by itself.
StopEvent SessionTarget::event_of_hits(const std::vector<Hit>& hits) {
  for (const auto& hit : hits) {
    if (hit.id == signals_id) return StoppedBySignal{static_cast<int>(hit.number)};
  }
  for (const auto& hit : hits) {
    const auto* point = point_of(hit.id);
    if (point != nullptr && point->kind >= PointKind::write_watch) {
      return StoppedAtWatch{access_of(point->kind), point->at};
    }
  }
  for (const auto& hit : hits) {
    if (const auto* point = point_of(hit.id)) return StoppedAtBreak{point->kind == PointKind::hardware_break};
  }
  for (const auto& hit : hits) {
    if (hit.id == syscalls_id) return StoppedAtSyscall{hit.number, hit.returned};
  }
  return arrival;
}

}  // namespace fred::remote
