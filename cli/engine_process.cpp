#include "cli/engine_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>

#include "cli/shell_words.h"
#include "core/base/exec_strings.h"

extern char** environ;

namespace fred {

std::string engine_path() {
  char self[4096];
  const auto n = readlink("/proc/self/exe", self, sizeof self);
  const std::string path(self, n > 0 ? static_cast<std::size_t>(n) : 0);
  return path.substr(0, path.rfind('/') + 1) + "fred-engine";
}

namespace {

std::vector<std::string> environment_of(const EngineCommand& command) {
  if (command.environment) return *command.environment;
  std::vector<std::string> own;
  for (char** e = environ; *e != nullptr; ++e) own.emplace_back(*e);
  return own;
}

/// The shell of this environment, as gdb chooses it.
std::string shell_of(std::span<const std::string> environment) {
  for (const auto& e : environment) {
    if (e.starts_with("SHELL=") && e.size() > 6) return e.substr(6);
  }
  return "/bin/sh";
}

/// In the child: its surroundings as the command wants them. False, with errno set, if they cannot be had.
bool enter_surroundings(const EngineCommand& command) {
  if (!command.terminal.empty()) {
    setsid();
    const int terminal = open(command.terminal.c_str(), O_RDWR);
    if (terminal < 0) return false;
    // Refused where it is another session's; reading and writing it may work all the same.
    ioctl(terminal, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; ++fd) {
      if (dup2(terminal, fd) < 0) return false;
    }
    if (terminal > 2) close(terminal);
  } else if (command.own_group && setpgid(0, 0) != 0) {
    return false;
  }
  for (int fd = 0; fd < 3; ++fd) {
    const int from = command.standard[static_cast<std::size_t>(fd)];
    if (from >= 0 && dup2(from, fd) < 0) return false;
  }
  return command.working_directory.empty() || chdir(command.working_directory.c_str()) == 0;
}

}  // namespace

Error exec_engine(const EngineCommand& command, int control_fd) {
  auto environment = environment_of(command);
  const auto env = environment_file(environment);
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
  auto path = engine_path();
  if (command.by_shell && !command.args.empty() && needs_shell(std::span(command.args).subspan(1))) {
    // The engine itself gets no environment, the shell the program's.
    std::string line = "exec /usr/bin/env -i " + shell_quoted(path);
    argv.push_back(command.args.front());
    for (std::size_t i = 1; i < argv.size(); ++i) line += ' ' + shell_quoted(argv[i]);
    for (std::size_t i = 1; i < command.args.size(); ++i) line += ' ' + shell_word(command.args[i]);
    path = shell_of(environment);
    argv = {path, "-c", line};
  } else {
    argv.insert(argv.end(), command.args.begin(), command.args.end());
    environment.clear();
  }
  execve(path.c_str(), pointers_to(argv).data(), pointers_to(environment).data());
  return {errno, fmt::format("cannot start {}: {}", path, strerror(errno))};
}

Result<> check_terminal(const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK | W_OK) == 0) return {};
  return fail_errno(errno, "cannot use the terminal " + path);
}

Result<EngineProcess> start_engine(const EngineCommand& command) {
  if (auto usable = check_terminal(command.terminal); !usable) return std::unexpected(usable.error());
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return fail_errno(errno, "cannot make a control socket");
  }
  name_senders(sockets[0]);
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
    if (!enter_surroundings(command)) {
      fmt::print(stderr, "fred: cannot start the program in {}: {}\n",
                 command.working_directory.empty() ? "its surroundings" : command.working_directory, strerror(errno));
      _exit(125);
    }
    const auto error = exec_engine(command, sockets[1]);
    fmt::print(stderr, "fred: {}\n", error.message);
    _exit(125);
  }
  close(sockets[1]);
  return EngineProcess{.pid = pid, .control = sockets[0]};
}

}  // namespace fred
