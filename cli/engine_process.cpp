#include "cli/engine_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace fred {

namespace {

/// fred-engine lies beside fred.
std::string engine_path() {
  char self[4096];
  const auto n = readlink("/proc/self/exe", self, sizeof self);
  const std::string path(self, n > 0 ? static_cast<std::size_t>(n) : 0);
  return path.substr(0, path.rfind('/') + 1) + "fred-engine";
}

/// The environment goes to the guest, not to the engine: its LD_PRELOAD, say, is not for us.
Result<int> environment_file() {
  const int fd = memfd_create("fred-environment", 0);
  if (fd < 0) return fail_errno(errno, "cannot pass the environment on");
  for (char** e = environ; *e != nullptr; ++e) {
    const auto size = static_cast<ssize_t>(std::strlen(*e) + 1);
    if (write(fd, *e, static_cast<std::size_t>(size)) != size)
      return fail_errno(errno, "cannot pass the environment on");
  }
  return fd;
}

}  // namespace

Error exec_engine(const EngineCommand& command, int control_fd) {
  const auto env = environment_file();
  if (!env) return env.error();
  std::vector<std::string> argv{"fred-engine", command.mode, fmt::format("--env-fd={}", *env)};
  if (!command.dir.empty()) argv.push_back("--dir=" + command.dir);
  if (control_fd >= 0) argv.push_back(fmt::format("--control-fd={}", control_fd));
  if (command.lifeline >= 0) {
    fcntl(command.lifeline, F_SETFD, 0);
    argv.push_back(fmt::format("--lifeline-fd={}", command.lifeline));
  }
  if (const char* log = std::getenv("FRED_LOG"); log != nullptr) argv.push_back(std::string("--log=") + log);
  argv.insert(argv.end(), command.options.begin(), command.options.end());
  argv.insert(argv.end(), {"--", command.program});
  argv.insert(argv.end(), command.args.begin(), command.args.end());
  std::vector<char*> pointers;
  for (auto& a : argv) pointers.push_back(a.data());
  pointers.push_back(nullptr);
  char* no_environment[] = {nullptr};
  const auto path = engine_path();
  execve(path.c_str(), pointers.data(), no_environment);
  return {errno, fmt::format("cannot start {}: {}", path, strerror(errno))};
}

Result<EngineProcess> start_engine(const EngineCommand& command) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return fail_errno(errno, "cannot make a control socket");
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "cannot fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // no recording goes on without its session
    if (getppid() != parent) _exit(125);
    fcntl(sockets[1], F_SETFD, 0);
    for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
      std::signal(signal, SIG_DFL);
    }
    const auto error = exec_engine(command, sockets[1]);
    fmt::print(stderr, "fred: {}\n", error.message);
    _exit(125);
  }
  close(sockets[1]);
  return EngineProcess{.pid = pid, .control = sockets[0]};
}

}  // namespace fred
