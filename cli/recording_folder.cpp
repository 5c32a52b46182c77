#include "cli/recording_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace fred {

namespace {

namespace fs = std::filesystem;

void remove_folder(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// Waits until the last writing end of the pipe is closed, and removes the folder unless it was told that this has
/// been done. It keeps nothing of the user's open, and no signal from a terminal or to a group reaches it.
[[noreturn]] void be_cleaner(const std::string& path, int pipe) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  setsid();
  prctl(PR_SET_NAME, "fred-cleaner");
  if (pipe != 0) dup2(pipe, 0);
  syscall(SYS_close_range, 1, ~0u, 0);
  if (chdir("/") != 0) _exit(1);
  char done = 0;
  ssize_t n = 0;
  do n = read(0, &done, 1);
  while (n < 0 && errno == EINTR);
  if (n == 0) remove_folder(path);
  _exit(0);
}

}  // namespace

Result<RecordingFolder> RecordingFolder::make(const std::string& keep) {
  std::error_code error;
  if (!keep.empty()) {
    fs::create_directories(fs::path(keep) / "files", error);
    if (error) return fail_errno(error.value(), "cannot make the folder of the recording " + keep);
    if (access(keep.c_str(), W_OK) != 0) return fail_errno(errno, "cannot write into " + keep);
    return RecordingFolder(fs::absolute(keep));
  }
  const char* tmp = std::getenv("TMPDIR");
  std::string name = fs::absolute(tmp != nullptr && *tmp != '\0' ? tmp : "/tmp") / "fred-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return fail_errno(errno, "cannot make a temporary folder " + name);
  RecordingFolder folder(name);
  if (auto r = folder.watch(); !r) {
    remove_folder(name);
    return std::unexpected(r.error());
  }
  fs::create_directory(fs::path(name) / "files", error);
  return folder;
}

Result<> RecordingFolder::watch() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  UniqueFd reading{ends[0]}, writing{ends[1]};
  // No signal at its end: whoever waits for the program never meets it.
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, 0, 0, 0, 0, 0));
  if (pid < 0) return fail_errno(errno, "cannot fork");
  if (pid == 0) be_cleaner(path_, reading.get());
  cleaner_ = pid;
  lifeline_ = std::move(writing);
  return {};
}

RecordingFolder::RecordingFolder(RecordingFolder&& o) noexcept
    : path_(std::move(o.path_)), lifeline_(std::move(o.lifeline_)), cleaner_(std::exchange(o.cleaner_, -1)) {}

RecordingFolder::~RecordingFolder() {
  if (cleaner_ < 0) return;
  remove_folder(path_);
  const char done = 1;
  while (write(lifeline_.get(), &done, 1) < 0 && errno == EINTR) {
  }
  while (waitpid(cleaner_, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
}

}  // namespace fred
