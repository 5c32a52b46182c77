// `fred record`: live, its snapshot, and the worker that verifies.
#include "cli/record.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "cli/attach/attach.h"
#include "cli/attach/leave.h"
#include "cli/engine_process.h"
#include "cli/verify.h"
#include "core/control/peer.h"
#include "core/elf/program.h"
#include "core/tree/recorded_tree.h"

namespace fred {

namespace {

pid_t g_live = -1;
volatile std::sig_atomic_t g_signal_of_user = 0;

/// A signal to fred itself is meant for the program. The terminal's reach it by themselves.
void forward(int signal) {
  g_signal_of_user = signal;
  if (g_live > 0) kill(g_live, signal);
}
void note(int signal) { g_signal_of_user = signal; }

struct Session {
  /// `attached`: the processes outlive this one.
  explicit Session(RecordingFolder& folder, bool attached = false) : processes(folder, attached) {}

  Peer live;
  ProcessList processes;  // besides the first
  std::vector<RecordedSnapshot> snapshots;
  std::optional<Peer::Pending> pending;  // the snapshot that live has been asked for
  std::optional<Message> ended;
  std::string statistics;
  bool start_failed = false;
  bool left = false;  // the program has gone on without being recorded
  std::string deadlock;

  /// Of live, which stands.
  Result<> snapshot_here() {
    auto peer = live.snapshot();
    if (!peer) return std::unexpected(peer.error());
    const auto now = live.now();
    if (!now) return std::unexpected(now.error());
    snapshots.push_back({std::move(*peer), now->event});
    return {};
  }
  /// Live, which runs, is asked for one; its answer comes later.
  void ask_for_snapshot() {
    if (auto asked = live.ask_for_snapshot()) pending = std::move(*asked);
  }

  void take(const Message& m) {
    if (pending && m.tag == pending->tag) {
      if (m.kind == MessageKind::snapshot_taken) {
        snapshots.push_back({Peer{static_cast<pid_t>(m.number[5]), std::move(pending->socket)}, m.number[4]});
      }
      pending.reset();
      return;
    }
    switch (m.kind) {
      case MessageKind::ended:
        ended = m;
        break;
      case MessageKind::start_failed:
        start_failed = true;
        break;
      case MessageKind::left:
        left = true;
        break;
      case MessageKind::deadlock:
        deadlock = m.text;
        break;
      case MessageKind::statistics:
        statistics = m.text;
        break;
      default:
        break;
    }
  }
};

/// All threads wait for each other: the program is ended, or the user is told.
void meet_deadlock(Session& session, bool end) {
  if (end) {
    kill(session.live.pid(), SIGKILL);
  } else {
    fmt::print(stderr, "fred: deadlock: {}\n", std::exchange(session.deadlock, {}));
  }
}

/// Waits for live to end, stopping and going on with it, and asks it for a snapshot every `period`
/// milliseconds (0: never). SIGCHLD is blocked. Returns live's wait status.
int wait_for_live(Session& session, u64 period, bool end_deadlocks) {
  const pid_t live = session.live.pid();
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const UniqueFd ended{signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)};
  int live_socket = session.live.socket();
  for (;;) {
    int status = 0;
    const pid_t changed = waitpid(live, &status, WUNTRACED | WNOHANG);
    if (changed < 0 && errno != EINTR) return -1;
    if (changed == live) {
      if (!WIFSTOPPED(status)) return status;
      // Stopped from the terminal: the shell waits for us, so we stop too. Any other stop is between the
      // program and whoever sends it SIGCONT.
      const int by = WSTOPSIG(status);
      if (by != SIGTSTP && by != SIGTTIN && by != SIGTTOU) continue;
      raise(SIGSTOP);
      kill(live, SIGCONT);
      continue;
    }
    std::vector<pollfd> sources{{ended.get(), POLLIN, 0}, {live_socket, POLLIN, 0}};
    session.processes.add_sources(sources);
    const int ready = poll(sources.data(), sources.size(), period != 0 ? static_cast<int>(period) : -1);
    signalfd_siginfo taken;
    while (read(ended.get(), &taken, sizeof taken) > 0) {
    }
    if (ready < 0) continue;
    session.live.drain();
    session.processes.drain();
    if (!session.deadlock.empty()) meet_deadlock(session, end_deadlocks);
    if ((sources[1].revents & (POLLHUP | POLLERR)) != 0) live_socket = -1;  // it ends
    if (ready > 0 || session.pending) continue;
    session.ask_for_snapshot();
  }
}

constexpr int before_a_word = 2000;  // milliseconds
void tell_of_children() {
  fmt::print(stderr,
             "fred: the program has ended; what it started is recorded until it ends as well "
             "(Ctrl-C: it goes on without being recorded)\n");
}

/// The program has ended; what it has left running is recorded until it ends as well. Signals to fred end that: the
/// processes go on without being recorded.
void wait_for_children(ProcessList& processes) {
  g_signal_of_user = 0;
  bool told = false;
  processes.drain();
  while (processes.any_running()) {
    if (g_signal_of_user != 0) return processes.release();
    std::vector<pollfd> sources;
    processes.add_sources(sources);
    if (poll(sources.data(), sources.size(), told ? -1 : before_a_word) == 0) {
      tell_of_children();
      told = true;
    }
    processes.drain();
  }
}

/// Takes the first snapshot, if one is wanted, and lets the program run. False: it has not started.
bool begin(Session& session, bool snapshot, const std::string& state) {
  const auto first = receive_message(session.live.socket());
  if (!first || first->kind != MessageKind::started) {
    if (first) session.take(*first);
    return false;
  }
  if (snapshot && !session.snapshot_here()) return false;
  if (snapshot && !state.empty() && !session.live.save(state)) return false;
  return session.live.send({.kind = MessageKind::resume}).has_value();
}

std::vector<std::string> engine_options(const RunOptions& options) {
  auto all = options.engine;
  if (options.verify || options.log_registers) all.emplace_back("--log-registers");
  return all;
}

/// Says how it went; the exit status for that is `status` if nothing is wrong.
int verify(Session& session, const EngineCommand& live, const std::string& state, int status) {
  Verifier verifier(live, state, session.processes);
  if (!verifier.run(session.snapshots) && !verifier.diverged()) return failed(verifier.error());
  fmt::print(stderr, "{}", verifier.result());
  return verifier.diverged() ? 125 : status;
}

void save_statistics(const Session& session, const std::string& dir) {
  std::ofstream(dir + "/statistics") << session.statistics;
}

}  // namespace

void prepare_to_record() {
  struct sigaction noted = {};
  noted.sa_handler = note;
  noted.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGQUIT}) sigaction(signal, &noted, nullptr);
  for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) std::signal(signal, SIG_IGN);
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) std::signal(signal, forward);
}

int signal_of_user() { return g_signal_of_user; }

int record(const RunOptions& options) {
  auto folder = RecordingFolder::make(options.keep_log);
  if (!folder) return failed(folder.error().message);
  prepare_to_record();
  return record_once(options, {.folder = *folder}).status;
}

RecordedRun record_once(const RunOptions& options, const RecordSetup& setup) {
  const auto program = find_program(options.command.front(), std::getenv("PATH"));
  if (!program) return {.status = failed(program.error().message, exit_status_for(program.error()))};
  auto* const folder = &setup.folder;
  Session session(*folder);
  const EngineCommand command{.mode = "record",
                              .dir = folder->path(),
                              .lifeline = folder->lifeline(),
                              .options = engine_options(options),
                              .program = *program,
                              .args = options.command,
                              .standard = setup.standard};
  auto engine = start_engine(command);
  if (!engine) return {.status = failed(engine.error().message)};
  session.live = Peer{engine->pid, UniqueFd{engine->control}};
  session.live.on_other([&session](const Message& m, UniqueFd socket) {
    if (!session.processes.take(m, std::move(socket))) session.take(m);
  });
  g_live = engine->pid;
  if (auto r = folder->guard(engine->pid); !r) return {.status = failed(r.error().message)};
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const std::string state = options.rebuild_worker ? folder->path() + "/start" : "";
  const bool started = begin(session, options.verify, state);
  if (!started && !session.start_failed) session.live.close();
  const int status = wait_for_live(session, options.verify && !options.rebuild_worker ? options.snapshot_every : 0,
                                   setup.end_deadlocks);
  g_live = -1;
  session.live.drain();
  wait_for_children(session.processes);
  int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const auto end_snapshots = [&session] {
    for (auto& snapshot : session.snapshots) end_and_wait(snapshot.peer);
    session.snapshots.clear();
  };
  if (!session.ended && !session.left) {
    end_snapshots();
    if (!session.deadlock.empty()) return {.status = deadlock_status, .whole = true, .deadlock = session.deadlock};
    if (session.start_failed || (WIFEXITED(status) && WEXITSTATUS(status) == 125)) return {.status = result};
    if (WIFSIGNALED(status)) {
      return {.status =
                  failed(fmt::format("the engine was killed by signal {} ({}); the recording is whole up to there",
                                     WTERMSIG(status), strsignal(WTERMSIG(status))))};
    }
    return {.status = failed(fmt::format("the engine ended unexpectedly with status {}", result))};
  }
  if (session.processes.any_failed()) result = 125;
  save_statistics(session, folder->path());
  if (options.stats) fmt::print(stderr, "{}", session.statistics);
  if (options.verify) result = verify(session, command, state, result);
  end_snapshots();
  return {.status = result, .whole = true, .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

namespace {

/// Waits for the end of the attached program and of what it has started, or for the user's signal. True: they have
/// ended.
bool watch_attached(Session& session, int signals, u64 period) {
  bool told = false;
  for (;;) {
    std::vector<pollfd> sources{{signals, POLLIN, 0}, {session.live.socket(), POLLIN, 0}};
    session.processes.add_sources(sources);
    const bool first_runs = session.live.is_open();
    const int longest = first_runs ? (period != 0 ? static_cast<int>(period) : -1) : told ? -1 : before_a_word;
    const int ready = poll(sources.data(), sources.size(), longest);
    if (ready < 0) continue;
    if (first_runs) session.live.drain();
    session.processes.drain();
    if (!session.deadlock.empty()) meet_deadlock(session, false);
    if (session.ended || (sources[1].revents & (POLLHUP | POLLERR)) != 0) session.live.close();
    if (!session.live.is_open() && !session.processes.any_running()) return true;
    if ((sources[0].revents & POLLIN) != 0) return false;
    if (ready == 0 && !first_runs && !std::exchange(told, true)) tell_of_children();
    if (ready == 0 && first_runs && !session.pending) session.ask_for_snapshot();
  }
}

}  // namespace

int record_attached(const RunOptions& options) {
  auto folder = RecordingFolder::make(options.keep_log);
  if (!folder) return failed(folder.error().message);
  // Ctrl-C and the like end the recording, not the program.
  sigset_t ending;
  sigemptyset(&ending);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) sigaddset(&ending, signal);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  const UniqueFd signals{signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK)};
  auto attached = attach(options.attach, *folder, engine_options(options));
  if (!attached) return failed(attached.error().message);
  const auto command = replay_command(*attached, *folder, engine_options(options));
  Session session(*folder, true);
  session.live = std::move(attached->live);
  session.live.on_other([&session](const Message& m, UniqueFd socket) {
    if (!session.processes.take(m, std::move(socket))) session.take(m);
  });
  if (auto told = folder->tell(session.live.pid()); !told) return failed(told.error().message);
  if (options.verify) {
    if (auto taken = session.snapshot_here(); !taken) return failed(taken.error().message);
  }
  if (auto going = session.live.send({.kind = MessageKind::resume}); !going) return failed(going.error().message);
  fmt::print(stderr, "fred: attached to process {}\n", options.attach);
  if (!watch_attached(session, signals.get(), options.verify ? options.snapshot_every : 0)) {
    const bool first_runs = session.live.is_open();
    leave(std::move(session.live), *folder);
    leave(session.processes, *folder);
    const auto who = first_runs ? fmt::format("process {}", options.attach) : "what the program has started";
    fmt::print(stderr, "fred: the recording ends; {} goes on natively\n", who);
  }
  if (session.ended) save_statistics(session, folder->path());
  if (options.stats) fmt::print(stderr, "{}", session.statistics);
  int result = session.processes.any_failed() ? 125 : 0;
  if (options.verify) result = verify(session, command, "", result);
  for (auto& snapshot : session.snapshots) end_and_wait(snapshot.peer);
  return result;
}

int stats(const std::string& dir) {
  std::ifstream in(dir + "/statistics");
  if (!in) {
    if (access(log_path(dir).c_str(), R_OK) == 0) {
      return failed(
          fmt::format("no statistics in {}: the recording was broken off ('fred dump' shows what is there)", dir));
    }
    return failed(fmt::format("no recording in {}: keep one with 'fred record --keep-log DIR'", dir));
  }
  fmt::print("{}", std::string(std::istreambuf_iterator<char>(in), {}));
  return 0;
}

}  // namespace fred
