// `fred record`: live, its snapshot, and the worker that verifies.
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "cli/commands.h"
#include "cli/engine_process.h"
#include "core/elf/program.h"

namespace fred {

namespace {

namespace fs = std::filesystem;

/// The folder of the recording; a temporary one goes away with it.
class RecordingFolder {
 public:
  static Result<RecordingFolder> make(const std::string& keep) {
    std::error_code error;
    if (!keep.empty()) {
      fs::create_directories(fs::path(keep) / "files", error);
      if (error) return fail_errno(error.value(), "cannot make the folder of the recording " + keep);
      if (access(keep.c_str(), W_OK) != 0) return fail_errno(errno, "cannot write into " + keep);
      return RecordingFolder(fs::absolute(keep), false);
    }
    const char* tmp = std::getenv("TMPDIR");
    std::string name = fmt::format("{}/fred-XXXXXX", tmp != nullptr && *tmp != '\0' ? tmp : "/tmp");
    if (mkdtemp(name.data()) == nullptr) return fail_errno(errno, "cannot make a temporary folder " + name);
    fs::create_directory(fs::path(name) / "files", error);
    return RecordingFolder(name, true);
  }
  RecordingFolder(RecordingFolder&& o) noexcept
      : path_(std::move(o.path_)), temporary_(std::exchange(o.temporary_, false)) {}
  RecordingFolder& operator=(RecordingFolder&&) = delete;
  ~RecordingFolder() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  RecordingFolder(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  std::string path_;
  bool temporary_;
};

pid_t g_live = -1;

/// A signal to fred itself is meant for the program. The terminal's reach it by themselves.
void forward(int signal) {
  if (g_live > 0) kill(g_live, signal);
}

void prepare_signals() {
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU}) std::signal(signal, SIG_IGN);
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) std::signal(signal, forward);
}

struct Session {
  EngineProcess engine;
  std::optional<Message> ended, verified, diverged;
  std::string statistics;
  bool start_failed = false;

  void take(const Message& m) {
    switch (m.kind) {
      case MessageKind::ended:
        ended = m;
        break;
      case MessageKind::verified:
        verified = m;
        break;
      case MessageKind::diverged:
        diverged = m;
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

/// Waits for live to end, stopping and going on with it. Returns its wait status.
int wait_for_live(pid_t live) {
  for (;;) {
    int status = 0;
    if (waitpid(live, &status, WUNTRACED) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if (!WIFSTOPPED(status)) return status;
    // Stopped from the terminal: the shell waits for us, so we stop too. Any other stop is between the
    // program and whoever sends it SIGCONT.
    const int by = WSTOPSIG(status);
    if (by != SIGTSTP && by != SIGTTIN && by != SIGTTOU) continue;
    raise(SIGSTOP);
    kill(live, SIGCONT);
  }
}

void drain(Session& session) {
  pollfd p{.fd = session.engine.control, .events = POLLIN, .revents = 0};
  while (poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0) {
    const auto m = receive_message(session.engine.control);
    if (!m) return;
    session.take(*m);
  }
}

/// Has the snapshot re-execute everything; false if no worker could tell how it went.
bool verify(Session& session) {
  if (!send_message(session.engine.control, {.kind = MessageKind::worker})) return false;
  while (!session.verified && !session.diverged) {
    const auto m = receive_message(session.engine.control);
    if (!m) return false;
    session.take(*m);
    if (m->kind == MessageKind::worker_ended) return session.verified || session.diverged;
  }
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
  fmt::print(stderr, "fred: verified {} events, {} ticks, {:.3f} s, no divergence\n", v.number[0], v.number[1],
             static_cast<double>(v.number[2]) / 1e9);
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
  auto engine = start_engine({.mode = "record",
                              .dir = folder->path(),
                              .options = options.engine,
                              .program = *program,
                              .args = options.command});
  if (!engine) return failed(engine.error().message);
  session.engine = *engine;
  g_live = engine->pid;
  const int status = wait_for_live(engine->pid);
  g_live = -1;
  drain(session);
  int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (!session.ended) {
    close(session.engine.control);
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
    if (!verify(session)) {
      result = failed("the re-execution ended before it could say how it went");
    } else {
      print_verification(session);
      if (session.diverged) result = 125;
    }
  }
  close(session.engine.control);  // the snapshot ends
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
