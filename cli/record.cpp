// `fred record`: live, its snapshot, and the worker that verifies.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "cli/commands.h"
#include "cli/engine_process.h"
#include "cli/recording_folder.h"
#include "core/control/peer.h"
#include "core/elf/program.h"

namespace fred {

namespace {

pid_t g_live = -1;

/// A signal to fred itself is meant for the program. The terminal's reach it by themselves.
void forward(int signal) {
  if (g_live > 0) kill(g_live, signal);
}

void prepare_signals() {
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU}) std::signal(signal, SIG_IGN);
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) std::signal(signal, forward);
}

struct Snapshot {
  Peer peer;
  u64 event = 0;  // the number of the next event
};

struct Session {
  Peer live;
  std::vector<Snapshot> snapshots;
  std::optional<Peer::Pending> pending;  // the snapshot that live has been asked for
  std::optional<Message> ended, diverged;
  struct Verified {
    u64 events = 0, ticks = 0, nanoseconds = 0;
  };
  std::optional<Verified> verified;
  std::string statistics;
  bool start_failed = false;

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
      case MessageKind::statistics:
        statistics = m.text;
        break;
      default:
        break;
    }
  }
};

/// Waits for live to end, stopping and going on with it, and asks it for a snapshot every `period`
/// milliseconds (0: never). SIGCHLD is blocked. Returns live's wait status.
int wait_for_live(Session& session, u64 period) {
  const pid_t live = session.live.pid();
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const timespec wait{.tv_sec = static_cast<time_t>(period / 1000),
                      .tv_nsec = static_cast<long>(period % 1000 * 1000000)};
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
    if (sigtimedwait(&child, nullptr, period != 0 ? &wait : nullptr) >= 0 || errno != EAGAIN) continue;
    session.live.drain();
    if (session.pending) continue;
    if (auto pending = session.live.ask_for_snapshot()) session.pending = std::move(*pending);
  }
}

/// Takes the first snapshot, if one is wanted, and lets the program run. False: it has not started.
bool begin(Session& session, bool snapshot, const std::string& state) {
  const auto first = receive_message(session.live.socket());
  if (!first || first->kind != MessageKind::started) {
    if (first) session.take(*first);
    return false;
  }
  if (snapshot) {
    auto peer = session.live.snapshot();
    if (!peer) return false;
    const auto now = session.live.now();
    if (!now || (!state.empty() && !session.live.save(state))) return false;
    session.snapshots.push_back({std::move(*peer), now->event});
  }
  return session.live.send({.kind = MessageKind::resume}).has_value();
}

/// A worker that is not forked from a snapshot but starts from a serialised state.
struct RebuildPlan {
  EngineCommand command;  // as live was started
  std::string state;      // empty: no rebuilding
};
Result<Peer> rebuilt_worker(const RebuildPlan& plan) {
  auto command = plan.command;
  command.mode = "rebuild";
  command.options.push_back("--state=" + plan.state);
  const auto engine = start_engine(command);
  if (!engine) return std::unexpected(engine.error());
  return Peer{engine->pid, UniqueFd{engine->control}};
}

/// Has a worker of each snapshot re-execute what happened until the next one; false, with the divergence noted if
/// it is one, if that did not succeed.
bool verify(Session& session, const RebuildPlan& rebuild) {
  Session::Verified sum;
  for (std::size_t i = 0; i < session.snapshots.size(); ++i) {
    auto& snapshot = session.snapshots[i];
    const bool last = i + 1 == session.snapshots.size();
    auto worker = rebuild.state.empty() ? snapshot.peer.worker() : rebuilt_worker(rebuild);
    if (!worker) return false;
    const auto tag = worker->send({.kind = MessageKind::verify, .number = {last ? 0 : session.snapshots[i + 1].event}});
    if (!tag) return false;
    const auto m = receive_message(worker->socket());
    if (m && m->kind == MessageKind::diverged) session.diverged = *m;
    if (!m || m->kind != MessageKind::verified) return false;
    sum.events += m->number[0] - snapshot.event;
    sum.ticks = m->number[1];
    sum.nanoseconds += m->number[2];
  }
  session.verified = sum;
  return true;
}

void print_verification(const Session& session) {
  if (session.diverged) {
    const auto& d = *session.diverged;
    fmt::print(stderr, "fred: diverged at event {}, time {}:{:#x}: {}\n", d.number[0], d.number[1], d.number[2],
               d.text);
    return;
  }
  const auto& v = *session.verified;
  fmt::print(stderr, "fred: verified {} events, {} ticks, {:.3f} s, no divergence\n", v.events, v.ticks,
             static_cast<double>(v.nanoseconds) / 1e9);
}

void save_statistics(const Session& session, const std::string& dir) {
  std::ofstream(dir + "/statistics") << session.statistics;
}

}  // namespace

int record(const RunOptions& options) {
  const auto program = find_program(options.command.front(), std::getenv("PATH"));
  if (!program) return failed(program.error().message, exit_status_for(program.error()));
  auto folder = RecordingFolder::make(options.keep_log);
  if (!folder) return failed(folder.error().message);
  prepare_signals();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Session session;
  auto engine_options = options.engine;
  if (options.verify || options.log_registers) engine_options.emplace_back("--log-registers");
  const EngineCommand command{
      .mode = "record", .dir = folder->path(), .options = engine_options, .program = *program, .args = options.command};
  auto engine = start_engine(command);
  if (!engine) return failed(engine.error().message);
  session.live = Peer{engine->pid, UniqueFd{engine->control}};
  session.live.on_other([&session](const Message& m) { session.take(m); });
  g_live = engine->pid;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const std::string state = options.rebuild_worker ? folder->path() + "/start" : "";
  const bool started = begin(session, options.verify, state);
  if (!started && !session.start_failed) session.live.close();
  const int status = wait_for_live(session, options.verify && !options.rebuild_worker ? options.snapshot_every : 0);
  g_live = -1;
  session.live.drain();
  int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (!session.ended) {
    session.snapshots.clear();
    if (session.start_failed || (WIFEXITED(status) && WEXITSTATUS(status) == 125)) return result;
    if (WIFSIGNALED(status)) {
      return failed(fmt::format("the engine was killed by signal {} ({}); the recording is whole up to there",
                                WTERMSIG(status), strsignal(WTERMSIG(status))),
                    WTERMSIG(status) == SIGKILL ? 137 : 125);
    }
    return failed(fmt::format("the engine ended unexpectedly with status {}", result));
  }
  save_statistics(session, folder->path());
  if (options.stats) fmt::print(stderr, "{}", session.statistics);
  if (options.verify) {
    if (!verify(session, {command, state}) && !session.diverged) {
      result = failed("the re-execution ended before it could say how it went");
    } else {
      print_verification(session);
      if (session.diverged) result = 125;
    }
  }
  session.live.close();
  session.snapshots.clear();  // they end
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
  return result;
}

int stats(const std::string& dir) {
  std::ifstream in(dir + "/statistics");
  if (!in) return failed(fmt::format("no recording in {}: keep one with 'fred record --keep-log DIR'", dir));
  fmt::print("{}", std::string(std::istreambuf_iterator<char>(in), {}));
  return 0;
}

}  // namespace fred
