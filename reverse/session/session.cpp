#include "reverse/session/session.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "cli/attach/attach.h"
#include "cli/engine_process.h"
#include "core/dispatch/run_control.h"
#include "core/elf/program.h"
#include "reverse/session/program.h"
#include "reverse/session/recording.h"

namespace fred {

namespace {

/// Where the PATH of this environment, or fred's own, has the program.
Result<std::string> program_of(const Launch& launch) {
  const char* path = std::getenv("PATH");
  if (launch.environment) {
    for (const auto& e : *launch.environment) {
      if (e.starts_with("PATH=")) path = e.c_str() + 5;
    }
  }
  return find_program(launch.args.front(), path);
}

/// With which an engine ends that has not found the program, as a shell would.
constexpr int not_found = 127;
int wait_status(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::unexpected<Error> no_program() { return fail("no program is being debugged"); }

}  // namespace

Session::Session(boost::asio::io_context& io, SessionOptions options)
    : io_(io), options_(std::move(options)), attention_(io), watch_(io) {}
Session::~Session() = default;

// ---------------------------------------------------------------------------------------------------------
// The program's life.

Result<> Session::start(const Launch& launch) {
  drop();
  attention_.begin();
  const auto program = program_of(launch);
  if (!program) return std::unexpected(program.error());
  auto folder = RecordingFolder::make("");
  if (!folder) return std::unexpected(folder.error());
  EngineCommand command{.mode = "record",
                        .dir = folder->path(),
                        .lifeline = folder->lifeline(),
                        .options = options_.engine,
                        .program = *program,
                        .args = launch.args,
                        .environment = launch.environment,
                        .working_directory = launch.working_directory,
                        .standard = launch.standard,
                        .own_group = launch.own_group,
                        .terminal = launch.terminal,
                        .by_shell = launch.by_shell};
  const auto engine = start_engine(command);
  if (!engine) return std::unexpected(engine.error());
  Peer peer{engine->pid, UniqueFd{engine->control}};
  if (auto guarded = folder->guard(engine->pid); !guarded) return guarded;
  const auto ready = attention_.wait_readable(peer);
  const auto first = ready ? receive_message(peer.socket()) : std::unexpected(ready.error());
  if (!first || first->kind != MessageKind::started) {
    const bool said_so = first && first->kind == MessageKind::start_failed;
    const int status = said_so ? wait_status(peer.pid()) : 0;
    if (!said_so) Children{}.end(std::move(peer));
    if (!ready) return ready;
    if (status == not_found) return fail_errno(ENOENT, "cannot start " + *program);
    return std::unexpected(Error{ENOEXEC, "cannot start " + *program});  // the engine has told why
  }
  auto recording = std::make_unique<Recording>(std::move(*folder), false);
  recording->command = std::move(command);
  return begin_history(std::move(recording), {.pid = engine->pid, .live = std::move(peer), .args = launch.args});
}

Result<> Session::attach(pid_t pid) {
  drop();
  attention_.begin();
  auto folder = RecordingFolder::make("");
  if (!folder) return std::unexpected(folder.error());
  auto attached = fred::attach(pid, *folder, options_.engine);
  if (!attached) return std::unexpected(attached.error());
  auto recording = std::make_unique<Recording>(std::move(*folder), true);
  recording->command = replay_command(*attached, recording->folder, options_.engine);
  if (auto told = recording->folder.tell(pid); !told) return told;
  return begin_history(std::move(recording),
                       {.pid = pid, .live = std::move(attached->live), .args = std::move(attached->args)});
}

Result<> Session::begin_history(std::unique_ptr<Recording> recording, First first) {
  auto& process = recording->processes.add_first(first.pid);
  auto& program = recording->programs[1] = std::make_unique<Program>(*recording, process);
  auto& p = *program;
  p.open = true;
  p.live = std::make_unique<Live>(io_, p.snapshots, recording->processes, process, std::move(first.live),
                                  options_.snapshots);
  p.args = std::move(first.args);
  const auto now = p.live->peer().now();
  if (!now) return std::unexpected(now.error());
  if (auto taken = p.live->snapshot_here(now->time); !taken) return taken;
  listen(*p.live);
  p.tip = p.position = now->time;
  p.tip_changes = TipChanges(now->time);
  recording_ = std::move(recording);
  program_ = &p;
  watch_processes();
  return {};
}

/// It would wait for ever: the user is told, and it stops there, as for an interrupt.
void Session::meet_deadlock(const std::string& who_waits) {
  if (program_->detached) return;
  if (notice_) notice_("deadlock: " + who_waits + "; the program cannot go on");
  program_->live->interrupt();
}

void Session::kill() {
  if (!program_) return;
  program_->killed = true;
  if (recording_->programs.size() == 1) return drop();
  forget(process_number());
}
void Session::drop() {
  watch_.cancel();
  program_ = nullptr;
  recording_.reset();
}
bool Session::is_attached() const { return program_ && program_->attached; }

void Session::detach(std::function<void(ProgramEnd)> ended) {
  auto& p = *program_;
  (void)drop_changes(true);
  if (p.attached) {
    if (p.live && !p.end && notice_) notice_(fmt::format("process {} goes on natively", pid()));
    return drop();
  }
  p.end_worker();
  p.end_probe();
  p.snapshots.clear();
  if (!p.live) return boost::asio::post(io_, [ended = std::move(ended), end = *p.end] { ended(end); });
  p.detached = true;
  p.live->stop_snapshots();
  (void)p.live->peer().run_alone(0, false);
  (void)p.live->peer().set_conditions({});  // one that has gone is noticed by running it
  p.live->run({.kind = MessageKind::run_on}, [this, ended = std::move(ended)](const Result<Standing>& s) {
    ProgramEnd end{.gone = !s};
    if (s) end = {.by_signal = s->by_signal, .status = static_cast<int>(s->signal_or_status)};
    kill();
    ended(end);
  });
}

pid_t Session::pid() const { return program_ ? program_->process.place.pid : -1; }

std::string Session::comm() const {
  if (program_ && args().empty()) return program_->process.program();
  constexpr std::size_t longest = 15;  // TASK_COMM_LEN without the end
  const auto& name = args().empty() ? std::string{} : args().front();
  return name.substr(name.rfind('/') + 1, longest);
}

const std::vector<std::string>& Session::args() const {
  static const std::vector<std::string> none;
  return program_ ? program_->args : none;
}

const std::optional<ProgramEnd>& Session::end() const {
  static const std::optional<ProgramEnd> none;
  return program_ ? program_->end : none;
}

// ---------------------------------------------------------------------------------------------------------
// Going forward.

bool Session::at_tip() const { return program_ && program_->position == program_->tip; }
bool Session::is_detached() const { return program_ && program_->detached; }
bool Session::live_is_running() const { return program_ && program_->live && program_->live->running(); }

Message run_to_message(const Time& t) {
  Message m{.kind = MessageKind::run_to};
  m.set_time(t);
  return m;
}

namespace {
Message message_of(const Forward& how, const std::optional<Time>& limit) {
  if (how.stay_in) {
    return {.kind = MessageKind::step_within,
            .number = {how.stay_in->begin.value, how.stay_in->end.value, static_cast<u64>(how.thread)}};
  }
  if (how.steps != 0) return {.kind = MessageKind::step, .number = {how.steps, 0, static_cast<u64>(how.thread)}};
  if (!limit) return {.kind = MessageKind::run_on};
  return run_to_message(*limit);
}
}  // namespace

void Session::run_live(const Forward& how, std::function<void(Result<RunStop>)> done) {
  if (!program_ || !program_->live || !at_tip()) {
    return boost::asio::post(io_, [done = std::move(done)] { done(fail("the program cannot go on from here")); });
  }
  auto& live = *program_->live;
  stand_at_tip();
  // One that has gone is found out by running it.
  if (auto set = live.peer().set_conditions(how.conditions); !set && set.error().code != 0) {
    return boost::asio::post(io_, [done = std::move(done), error = set.error()] { done(std::unexpected(error)); });
  }
  if (program_->alone != how.alone) {
    if (auto told = live.peer().run_alone(how.alone.thread, how.alone.unless_waits); !told) {
      return boost::asio::post(io_, [done = std::move(done), error = told.error()] { done(std::unexpected(error)); });
    }
    program_->alone = how.alone;
  }
  program_->tip_changes.runs();
  program_->tip_steps.clear();
  watch_processes();
  live.run(message_of(how, std::nullopt), [this, how, done = std::move(done)](const Result<Standing>& s) {
    attention_.begin();
    if (s) note_held(how.conditions, s->hits);
    done(live_stopped(s));
  });
}

Result<RunStop> Session::live_stopped(const Result<Standing>& s) {
  if (!s) return salvage();
  auto& p = *program_;
  p.tip = p.position = s->time;
  if (s->reason == static_cast<u64>(StopReason::guest_end)) {
    p.end = ProgramEnd{.by_signal = s->by_signal, .status = static_cast<int>(s->signal_or_status)};
  }
  return run_stop(*s);
}

Result<RunStop> Session::salvage() {
  auto& p = *program_;
  p.children.end(std::move(p.live->peer()));
  p.live.reset();
  ProcessList::has_gone(p.process);
  p.end = ProgramEnd{.gone = true};
  if (auto taken = take_history(p); !taken) return std::unexpected(taken.error());
  return RunStop{.end = RunEnd::guest_end, .time = p.tip, .hits = {}};
}

Result<Standing> Session::go_forward(Peer& peer, const Forward& how, const std::optional<Time>& limit) {
  if (auto set = peer.set_conditions(how.conditions); !set) return std::unexpected(set.error());
  return attention_.go(peer, message_of(how, limit));
}

/// The same, but what is hidden of history is no place to stop at.
Result<Standing> Session::go_in_history(Peer& worker, const Forward& how, const std::optional<Time>& limit) {
  const auto& changes = program_->tip_changes;
  for (;;) {
    auto s = worker.now();
    if (!s) return s;
    if (!changes.around(s->time)) {
      const auto next = changes.next_hidden(s->time);
      s = go_forward(worker, how, limit && next ? std::min(*limit, *next) : limit ? limit : next);
      if (!s || static_cast<StopReason>(s->reason) == StopReason::interrupted) return s;
    }
    const auto span = changes.around(s->time);
    if (!span || (limit && *limit < span->end)) return s;
    s = pass_hidden(worker, *s, *span, how.conditions);
    if (!s || !s->hits.empty() || how.steps != 0 || s->time < span->end) return s;
    if (how.stay_in && !how.stay_in->contains(s->time.pc)) return s;
    if (limit && *limit == s->time) return s;
  }
}

/// On to the end of what is hidden. What holds there, what has brought the worker to the same place in the program
/// before its changes, and watches of what is changed are the hits.
Result<Standing> Session::pass_hidden(Peer& worker, const Standing& from, const Span& span,
                                      const std::vector<Condition>& conditions) {
  std::vector<Condition> there;
  for (const auto& c : conditions) {
    const auto* at = std::get_if<BreakCondition>(&c.what);
    if (std::holds_alternative<SignalCondition>(c.what) || (at != nullptr && at->pc == span.end.pc)) there.push_back(c);
  }
  // Within a range that is stepped it may have come further than to the first of them.
  const Span changed{from.time == program_->position ? from.time : span.begin, span.end};
  auto before = from.time == changed.begin ? watched_bytes(worker, conditions) : watched_at(span.begin, conditions);
  if (!before) return std::unexpected(before.error());
  if (auto set = worker.set_conditions(there); !set) return std::unexpected(set.error());
  Result<Standing> s;
  do {
    s = attention_.go(worker, run_to_message(span.end));
    if (!s || static_cast<StopReason>(s->reason) == StopReason::interrupted) return s;
  } while (s->time < span.end);
  if (from.time == span.begin && from.time.pc == span.end.pc) {
    for (auto hit : from.hits) {
      hit.after = s->time;
      if (std::ranges::find(s->hits, hit.id, &Hit::id) == s->hits.end()) s->hits.push_back(std::move(hit));
    }
  }
  const auto after = watched_bytes(worker, conditions);
  if (!after) return std::unexpected(after.error());
  std::ranges::move(changed_over(changed, conditions, *before, *after), std::back_inserter(s->hits));
  s->reason = static_cast<u64>(s->hits.empty() ? StopReason::reached : StopReason::hit);
  return s;
}

/// At another Time than the worker that is going stands at.
Result<WatchedBytes> Session::watched_at(const Time& time, const std::vector<Condition>& conditions) {
  auto worker = worker_before(time);
  if (!worker) return std::unexpected(worker.error());
  auto bytes = [&]() -> Result<WatchedBytes> {
    if (auto there = approach(*worker, time, Leave::nothing); !there) return std::unexpected(there.error());
    return watched_bytes(*worker, conditions);
  }();
  program_->children.end(std::move(*worker));
  return bytes;
}

Result<RunStop> Session::run_recorded(const Forward& how) {
  if (!program_) return no_program();
  attention_.begin();
  const auto called = in_called_function();
  if (!called) return std::unexpected(called.error());
  if (*called) return run_called_function(how);
  const auto elsewhere = goes_on_elsewhere();
  if (!elsewhere) return std::unexpected(elsewhere.error());
  if (auto dropped = drop_changes(!*elsewhere); !dropped) return std::unexpected(dropped.error());
  if (*elsewhere) return fail("in the past the program cannot go on from elsewhere: it is back where it was");
  if (at_tip()) {
    return RunStop{.end = end() ? RunEnd::guest_end : RunEnd::history_end, .time = tip(), .hits = {}};
  }
  return worker_stopped(go_in_history(*program_->worker, how, std::nullopt));
}

Result<RunStop> Session::run_forward(const Time& limit, const std::vector<Condition>& conditions) {
  if (!program_) return no_program();
  attention_.begin();
  if (auto dropped = drop_changes(true); !dropped) return std::unexpected(dropped.error());
  if (position() >= limit) return RunStop{.end = RunEnd::limit, .time = position(), .hits = {}};
  if (at_tip()) {
    return RunStop{.end = end() ? RunEnd::guest_end : RunEnd::history_end, .time = tip(), .hits = {}};
  }
  const bool limited = limit < tip();
  return worker_stopped(
      go_in_history(*program_->worker, {.conditions = conditions}, limited ? std::optional(limit) : std::nullopt));
}

Result<RunStop> Session::worker_stopped(const Result<Standing>& s) {
  auto& p = *program_;
  if (!s) {  // nobody knows where it stood
    const Time position = p.position;
    p.end_worker();
    p.position = p.tip;
    if (auto back = go_to(position); !back) return std::unexpected(back.error());
    return std::unexpected(s.error());
  }
  auto stop = run_stop(*s);
  p.position = s->time;
  if (p.position >= p.tip) {
    stand_at_tip();
    if (stop.end == RunEnd::history_end && p.end) stop.end = RunEnd::guest_end;
  }
  return stop;
}

RunStop run_stop(const Standing& s) {
  RunStop stop{.time = s.time, .hits = s.hits};
  switch (static_cast<StopReason>(s.reason)) {
    case StopReason::reached:
    case StopReason::passed:
      stop.end = s.hits.empty() ? RunEnd::limit : RunEnd::hit;
      break;
    case StopReason::break_:
    case StopReason::hit:
      stop.end = RunEnd::hit;
      break;
    case StopReason::interrupted:
      stop.end = RunEnd::interrupted;
      break;
    case StopReason::history_end:
      stop.end = s.hits.empty() ? RunEnd::history_end : RunEnd::hit;
      break;
    case StopReason::guest_end:
      stop.end = RunEnd::guest_end;
      break;
  }
  return stop;
}

void Session::stand_at_tip() {
  auto& p = *program_;
  if (p.live) p.end_worker();
  p.position = p.tip;
}

void Session::interrupt() {
  if (live_is_running()) program_->live->interrupt();
  attention_.interrupt();
}

Result<Peer*> Session::here() {
  if (!program_) return no_program();
  if (!program_->worker && (!program_->live || program_->live->running())) return fail("the program is running");
  if (attention_.busy()) return fail_errno(EBUSY, "a search is under way");
  return &program_->shown();
}

}  // namespace fred
