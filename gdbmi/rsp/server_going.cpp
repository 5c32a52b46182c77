// The server's handlers for the program's life and motion.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "gdbmi/rsp/hex.h"
#include "gdbmi/rsp/server.h"
#include "gdbmi/rsp/signals.h"

namespace fred::remote {

namespace {
constexpr const char* no_program = "E.no program is being debugged";

bool fits_thread(const ThreadSpec& wanted, ThreadId thread) {
  return wanted.thread <= 0 || static_cast<ThreadId>(wanted.thread) == thread;
}

/// The signal that is named for this very thread.
std::optional<int> signal_of(ThreadId thread, const std::vector<ResumeAction>& actions) {
  for (const auto& action : actions) {
    const bool names_it = action.thread && action.thread->thread > 0 && fits_thread(*action.thread, thread);
    if (names_it && action.signal) return linux_signal(*action.signal);
  }
  return std::nullopt;
}
}  // namespace

Server::Reply Server::handle(const WhyStopped&) {
  if (!target_.has_program()) return "W00";
  if (running_) {  // another gdb left it so: it stops, and that is the answer
    interrupt();
    return std::nullopt;
  }
  return told_stop();
}

Server::Reply Server::handle(const Extend&) { return "OK"; }

Result<> Server::start(std::vector<std::string> args) {
  next_start_.args = std::move(args);
  return begin([this] { return target_.start(next_start_); });
}

/// A program that is there from now on.
Result<> Server::begin(const std::function<Result<>()>& make) {
  forget_state();
  table_.reset();
  taken_out_.clear();
  notices_.clear();  // of the program before
  last_stop_.reset();
  inferiors_.clear();
  general_ = going_process_ = 0;
  running_ = false;
  if (auto made = make(); !made) return made;
  process_ = target_.process_id();
  inferiors_[process_].program = target_.executable().value_or("");
  last_stop_ = StoppedBySignal{.number = SIGTRAP};
  return {};
}

Server::Reply Server::handle(const Run& packet) {
  if (!inferiors_.empty()) return "E.fred records one program at a time, and its children";
  std::vector<std::string> args{packet.program};
  args.insert(args.end(), packet.args.begin(), packet.args.end());
  if (packet.program.empty()) {
    if (command_.empty()) return "E.there is no program to run";
    if (packet.args.empty()) {
      args = command_;
    } else {
      args.front() = command_.front();
    }
  }
  command_ = args;
  if (auto started = start(std::move(args)); !started) return error_reply(started.error());
  return told_stop();
}

Server::Reply Server::handle(const Restart&) {
  if (!command_.empty()) (void)start(command_);  // `R` has no answer: `?` asks how that went
  return std::nullopt;
}

Server::Reply Server::resume(ResumeRequest request) {
  if (!target_.has_program()) return no_program;
  request.over_breakpoint = !taken_out_.empty();
  forget_state();
  running_ = true;
  // What is left to be told of the motion before: gdb still waits for the thread that it was of.
  auto& inferior = inferiors_[process_];
  if (!inferior.next_stop) going_ = request.thread != 0 ? request.thread : told_thread_;
  const auto interrupted = std::exchange(interrupted_in_, std::nullopt);
  if (interrupted && (target_.runs_freely() || (*interrupted != 0 && *interrupted == target_.command()))) {
    stopped(StoppedBySignal{.number = SIGINT});
    return std::nullopt;
  }
  for (auto* next : {&inferior.due, &inferior.next_stop}) {
    if (!*next) continue;
    if (next == &inferior.next_stop && std::exchange(inferior.unread_symbols, false)) {
      stopped(OtherLibraries{});
      return std::nullopt;
    }
    auto event = *std::exchange(*next, std::nullopt);
    if (auto* executed = std::get_if<ExecutedProgram>(&event)) {
      executed->path = inferior.program = target_.executable().value_or("");
    }
    stopped(event);
    return std::nullopt;
  }
  target_.resume(request, [this, motion = request.motion](const StopEvent& event) {
    if (auto other = other_program(event, motion)) {
      const auto* signal = std::get_if<StoppedBySignal>(&event);
      // gdb steps no more, having been told of another program.
      inferiors_[process_].next_stop = signal != nullptr && signal->arrived ? StopEvent{StoppedBySignal{}} : event;
      return stopped(*other);
    }
    const bool may_have_others = motion == Motion::go_back || target_.has_jumped();
    const bool executed = std::holds_alternative<ExecutedProgram>(event);
    if (!executed &&
        (std::exchange(inferiors_[process_].unread_symbols, false) || (may_have_others && has_other_libraries()))) {
      inferiors_[process_].next_stop = event;
      return stopped(OtherLibraries{});
    }
    stopped(event);
  });
  return std::nullopt;
}

bool Server::has_other_libraries() {
  const auto list = library_list(target_);
  return list && !are_known(*list, inferiors_[process_].libraries);
}

Server::Reply Server::resume_at(ResumeRequest request, std::optional<GuestAddr> at) {
  if (!select(going_process_)) return no_program;
  if (at) {
    const auto now = registers();
    if (!now) return error_reply(now.error());
    auto changed = **now;
    changed.general.rip = at->value;
    if (auto set = set_registers(std::move(changed)); !set) return error_reply(set.error());
  }
  return resume(request);
}

void Server::stopped(const StopEvent& event) {
  tell_notices();
  taken_out_.clear();
  running_ = false;
  general_ = process_;  // gdb takes it so without a word
  last_stop_ = event;
  // gdb waits for one thread: that the motion has ended in another one is no end of a step to it.
  if (const auto* signal = std::get_if<StoppedBySignal>(&event); signal != nullptr && signal->arrived) {
    if (current_thread() != going_) last_stop_ = StoppedBySignal{};
  }
  if (const auto* forked = std::get_if<Forked>(&event)) {
    // Until it is resumed, gdb takes the child of a vfork for one that shares its parent's memory.
    auto& parent = inferiors_[process_];
    auto& child = inferiors_[forked->child] = {
        .thread_locals = {}, .libraries = {}, .program = parent.program, .due = std::nullopt};
    if (forked->vfork) {
      parent.due = VforkDone{};
      child.due = ExecutedProgram{};
    }
    if (forked->end) {
      child.has_ended = true;
      child.due = std::visit([](const auto& end) { return StopEvent{end}; }, *forked->end);
    }
  }
  const bool gone = std::holds_alternative<Exited>(event) || std::holds_alternative<KilledBy>(event);
  send_(told_stop());
  if (gone) forget_process(process_);
}

std::string Server::told_stop() {
  if (!last_stop_) return "W00";
  const bool gone = std::holds_alternative<Exited>(*last_stop_) || std::holds_alternative<KilledBy>(*last_stop_);
  std::string values;
  if (!gone) {
    if (const auto state = registers()) {
      const auto& rows = table().rows();
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].name != "rip" && rows[i].name != "rsp" && rows[i].name != "rbp") continue;
        values += fmt::format("{:x}:{};", i, to_hex(read_register(rows[i], **state)));
      }
    }
  }
  if (!gone) told_thread_ = current_thread();
  return stop_reply(*last_stop_, naming(), gone ? 0 : told_thread_, values);
}

void Server::notice(const std::string& line) {
  notices_.push_back(line);
  if (running_) tell_notices();
}

void Server::tell_notices() {
  for (const auto& line : notices_) send_("O" + to_hex(std::string_view("[fred: " + line + "]\n")));
  target_.lines_sent(notices_.size());
  notices_.clear();
}

Server::Reply Server::handle(const StepBackwards&) {
  if (!select(going_process_)) return no_program;
  return resume({.motion = Motion::step_back, .thread = find_thread(steps_) != nullptr ? steps_ : 0});
}
Server::Reply Server::handle(const ContinueBackwards&) {
  if (!select(going_process_)) return no_program;
  return resume({.motion = Motion::go_back});
}
Server::Reply Server::handle(const StepAt& packet) { return resume_at({.motion = Motion::step}, packet.at); }
Server::Reply Server::handle(const ContinueAt& packet) { return resume_at({.motion = Motion::go}, packet.at); }
Server::Reply Server::handle(const StepWithSignal& packet) {
  return resume_at({.motion = Motion::step, .signal = linux_signal(packet.signal)}, packet.at);
}
Server::Reply Server::handle(const ContinueWithSignal& packet) {
  return resume_at({.motion = Motion::go, .signal = linux_signal(packet.signal)}, packet.at);
}

Server::Reply Server::handle(const WhichActions&) { return "vCont;c;C;s;S;r"; }

/// gdb has one thread go while the others stand if the user wants it so (`set scheduler-locking`), and for the one
/// instruction at which there is a breakpoint, which it takes out meanwhile. That one may be a call that waits for the
/// others.
void Server::go_alone(ResumeRequest& request, ThreadId thread, bool steps) {
  if (steps && threads().size() < 2) return;
  request.alone = thread;
  const auto* const fact = find_thread(thread);
  if (!steps || fact == nullptr) return;
  const auto at = target_.registers(fact->runs ? 0 : thread);
  request.unless_waits = at && std::ranges::find(taken_out_, GuestAddr{at->general.rip}) != taken_out_.end();
}

Server::Reply Server::handle(const Resume& packet) {
  // All threads go together, as the program's schedule has them, unless only one is named. One may be named whose steps
  // count; else what the current one is to do decides.
  // Of several processes the one that is named goes; the others stand.
  for (const auto& action : packet.actions) {
    if (!select(action.thread ? action.thread->process : 0)) return no_program;
    if (action.thread && action.thread->process > 0) break;
  }
  const auto steps = [](const ResumeAction& a) {
    return a.kind == ResumeAction::Kind::step || a.kind == ResumeAction::Kind::step_range;
  };
  const bool one_steps = packet.actions.size() > 1 && steps(packet.actions.front()) && packet.actions.front().thread &&
                         is_our_thread(*packet.actions.front().thread);
  const bool alone = packet.actions.size() == 1 && packet.actions.front().thread &&
                     packet.actions.front().thread->thread > 0 && is_our_thread(*packet.actions.front().thread);
  for (const auto& action : packet.actions) {
    if (!one_steps && !alone && action.thread && !fits_thread(*action.thread, current_thread())) continue;
    ResumeRequest request{.motion = Motion::go, .signal = {}, .range = action.range};
    switch (action.kind) {
      case ResumeAction::Kind::stop:
        return "E.fred stops all threads together";
      case ResumeAction::Kind::go:
        break;
      case ResumeAction::Kind::step:
        request.motion = Motion::step;
        break;
      case ResumeAction::Kind::step_range:
        request.motion = Motion::step_range;
        break;
    }
    if (steps(action) && action.thread && action.thread->thread > 0) {
      request.thread = static_cast<ThreadId>(action.thread->thread);
    }
    if (action.signal) request.signal = linux_signal(*action.signal);
    if (one_steps && !request.signal) request.signal = signal_of(current_thread(), packet.actions);
    if (alone) go_alone(request, static_cast<ThreadId>(action.thread->thread), steps(action));
    return resume(request);
  }
  return "E.there is no such thread";
}

Server::Reply Server::handle(const InsertPoint& packet) {
  const auto done = target_.insert(chosen_process(), packet.point);
  std::erase(taken_out_, packet.point.at);
  return done ? "OK" : error_reply(done.error());
}

Server::Reply Server::handle(const RemovePoint& packet) {
  const auto done = target_.remove(chosen_process(), packet.point);
  taken_out_.push_back(packet.point.at);
  return done ? "OK" : error_reply(done.error());
}

}  // namespace fred::remote
