#include "cli/recording_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "core/control/message.h"
#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

namespace fs = std::filesystem;

void remove_folder(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// What becomes of an engine.
enum Fate : u64 { end, farewell, now, none };

struct EngineProcess {
  UniqueFd handle;
  bool outlives = false;
};

/// At most once: the program may be native afterwards, and die of such a signal.
void bid_farewell(const UniqueFd& engine) {
  siginfo_t request{};
  request.si_signo = control_signal;
  request.si_code = farewell_code;
  syscall(SYS_pidfd_send_signal, engine.get(), control_signal, &request, 0);
}

/// Of a clone without the user's descriptors, which no signal from a terminal or to a group reaches.
[[noreturn]] void be_cleaner(const std::string& temporary, int control, int pipe) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  setsid();
  prctl(PR_SET_NAME, "fred-cleaner");
  control = fcntl(control, F_DUPFD, 2);
  pipe = fcntl(pipe, F_DUPFD, 2);
  if (dup2(control, 0) < 0 || dup2(pipe, 1) < 0 || chdir("/") != 0) _exit(1);
  control = 0, pipe = 1;
  syscall(SYS_close_range, 2, ~0u, 0);
  std::map<u64, EngineProcess> engines;  // by process id
  for (;;) {
    int engine = -1;
    const auto message = receive_message(control, &engine);
    if (message && message->kind == MessageKind::quit) _exit(0);
    if (!message) break;  // the session has been killed
    const u64 pid = message->number[1];
    if (message->number[0] == end || message->number[0] == farewell) {
      engines[pid] = {UniqueFd{engine}, message->number[0] == farewell};
    } else if (const auto known = engines.find(pid); known != engines.end()) {
      if (message->number[0] == now) bid_farewell(known->second.handle);
      engines.erase(known);
    }
  }
  for (const auto& [pid, engine] : engines) {
    if (engine.outlives) {
      bid_farewell(engine.handle);
    } else {
      syscall(SYS_pidfd_send_signal, engine.handle.get(), SIGKILL, nullptr, 0);
    }
  }
  char byte;
  while (read(pipe, &byte, 1) < 0 && errno == EINTR) {
  }
  if (!temporary.empty()) remove_folder(temporary);
  _exit(0);
}

}  // namespace

Result<RecordingFolder> RecordingFolder::make(const std::string& keep) {
  std::error_code error;
  if (!keep.empty()) {
    fs::create_directories(fs::path(keep) / "files", error);
    if (error) return fail_errno(error.value(), "cannot make the folder of the recording " + keep);
    if (access(keep.c_str(), W_OK) != 0) return fail_errno(errno, "cannot write into " + keep);
    RecordingFolder folder(fs::absolute(keep), false);
    if (auto r = folder.start_cleaner(); !r) return std::unexpected(r.error());
    return folder;
  }
  const char* tmp = std::getenv("TMPDIR");
  return make_temporary(fs::absolute(tmp != nullptr && *tmp != '\0' ? tmp : "/tmp") / "fred-XXXXXX");
}

Result<RecordingFolder> RecordingFolder::make_temporary(std::string name) {
  std::error_code error;
  if (mkdtemp(name.data()) == nullptr) return fail_errno(errno, "cannot make a temporary folder " + name);
  RecordingFolder folder(name, true);
  if (auto r = folder.start_cleaner(); !r) return std::unexpected(r.error());
  fs::create_directory(fs::path(name) / "files", error);
  return folder;
}

Result<RecordingFolder> RecordingFolder::make_to_keep_later(const std::string& keep) {
  if (keep.empty()) return make(keep);
  std::error_code error;
  auto wanted = fs::absolute(keep);
  if (!wanted.has_filename()) wanted = wanted.parent_path();  // it ends with a slash
  if (fs::exists(wanted, error) && !fs::is_empty(wanted, error)) {
    return fail(fmt::format("cannot keep a recording in {}: it is there already, and not an empty folder", keep));
  }
  fs::create_directories(wanted.parent_path(), error);
  if (error) return fail_errno(error.value(), "cannot make the folder of " + keep);
  return make_temporary(wanted.string() + ".XXXXXX");
}

Result<> RecordingFolder::keep_as(const std::string& keep) {
  std::error_code error;
  fs::rename(path_, keep, error);
  if (error) return fail_errno(error.value(), "cannot keep the recording as " + keep);
  fs::permissions(keep, fs::perms{0755}, error);  // mkdtemp's are for the owner alone
  temporary_ = false;
  path_ = keep;
  return {};
}

Result<> RecordingFolder::start_cleaner() {
  int ends[2], sockets[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  UniqueFd reading{ends[0]};
  lifeline_ = UniqueFd{ends[1]};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return fail_errno(errno, "cannot make a control socket");
  }
  UniqueFd other{sockets[0]};
  control_ = UniqueFd{sockets[1]};
  // No signal at its end: whoever waits for the program never meets it.
  cleaner_ = static_cast<pid_t>(syscall(SYS_clone, 0, 0, 0, 0, 0));
  if (cleaner_ < 0) return fail_errno(errno, "cannot fork");
  if (cleaner_ == 0) be_cleaner(temporary_ ? path_ : "", other.get(), reading.get());
  return {};
}

Result<> RecordingFolder::guard(pid_t engine) { return give_handle(engine, end); }
Result<> RecordingFolder::tell(pid_t engine) { return give_handle(engine, farewell); }
void RecordingFolder::forget(pid_t engine) const { tell_fate(engine, none); }
void RecordingFolder::bid_farewell(pid_t engine) const { tell_fate(engine, now); }

void RecordingFolder::tell_fate(pid_t engine, u64 fate) const {
  (void)send_message(control_.get(), {.kind = MessageKind::guard, .number = {fate, static_cast<u64>(engine)}});
}

Result<> RecordingFolder::give_handle(pid_t engine, u64 fate) {
  const UniqueFd handle{syscall(SYS_pidfd_open, engine, 0)};
  if (!handle) return {};  // an old kernel: PR_SET_PDEATHSIG has to do
  return send_message(control_.get(), {.kind = MessageKind::guard, .number = {fate, static_cast<u64>(engine)}},
                      handle.get());
}

RecordingFolder::RecordingFolder(RecordingFolder&& o) noexcept
    : path_(std::move(o.path_)),
      temporary_(std::exchange(o.temporary_, false)),
      lifeline_(std::move(o.lifeline_)),
      control_(std::move(o.control_)),
      cleaner_(std::exchange(o.cleaner_, -1)) {}

RecordingFolder::~RecordingFolder() {
  if (temporary_) remove_folder(path_);
  if (cleaner_ <= 0) return;
  (void)send_message(control_.get(), {.kind = MessageKind::quit});
  while (waitpid(cleaner_, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
}

}  // namespace fred
