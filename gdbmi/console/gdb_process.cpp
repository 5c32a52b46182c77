#include "gdbmi/console/gdb_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "gdbmi/console/pty.h"

namespace fred {

namespace {

constexpr int oldest_gdb = 12;

/// What the child has as 0, 1 and 2.
struct Standard {
  int in, out, err;
  bool controlling_terminal;
};

struct Child {
  pid_t pid;
  UniqueFd failure;  // an errno value comes here if the program cannot be executed; else it closes
};

Result<Child> spawn(const std::vector<std::string>& words, const Standard& standard) {
  auto failure = open_pipe();
  if (!failure) return std::unexpected(failure.error());
  std::vector<char*> argv;
  for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "cannot fork");
  if (pid != 0) return Child{pid, std::move(failure->read)};
  prctl(PR_SET_PDEATHSIG, SIGHUP);
  if (getppid() != parent) _exit(127);
  setsid();  // the terminal's signals are for fred-gdb, which passes on what is for gdb
  if (standard.controlling_terminal) ioctl(standard.in, TIOCSCTTY, 0);
  dup2(standard.in, 0);
  dup2(standard.out, 1);
  dup2(standard.err, 2);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGWINCH, SIGCHLD, SIGHUP, SIGTERM}) {
    std::signal(signal, SIG_DFL);
  }
  execvp(argv[0], argv.data());
  const int code = errno;
  (void)!write(failure->write.get(), &code, sizeof code);
  _exit(127);
}

/// 0 if the program runs, else why not.
int exec_failure(const Child& child) {
  int code = 0;
  ssize_t n;
  do {
    n = read(child.failure.get(), &code, sizeof code);
  } while (n < 0 && errno == EINTR);
  return n == sizeof code ? code : 0;
}

Error not_executed(const std::string& gdb, int code) {
  if (code == ENOENT) return {code, fmt::format("'{}' not found: install gdb (at least version {})", gdb, oldest_gdb)};
  return {code, fmt::format("cannot start '{}': {}", gdb, std::strerror(code))};
}

Result<> check_version(const std::string& gdb) {
  auto out = open_pipe();
  if (!out) return std::unexpected(out.error());
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  auto child = spawn({gdb, "-nx", "--version"}, {null.get(), out->write.get(), null.get(), false});
  if (!child) return std::unexpected(child.error());
  out->write.reset();
  std::string text;
  char chunk[4096];
  for (ssize_t n; (n = read(out->read.get(), chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR);) {
    if (n > 0) text.append(chunk, static_cast<std::size_t>(n));
  }
  const int failure = exec_failure(*child);
  wait_for_end(child->pid);
  if (failure != 0) return std::unexpected(not_executed(gdb, failure));
  const auto line = text.substr(0, text.find('\n'));
  const auto version = gdb_major_version(line);
  if (!version) return fail(fmt::format("'{}' is not gdb: it says '{}' as its version", gdb, line));
  if (*version < oldest_gdb) {
    return fail(fmt::format("'{}' is gdb {}; fred-gdb needs gdb {} or newer", gdb, *version, oldest_gdb));
  }
  return {};
}

}  // namespace

std::optional<int> gdb_major_version(std::string_view first_line) {
  if (!first_line.starts_with("GNU gdb")) return std::nullopt;
  const auto last = first_line.substr(first_line.rfind(' ') + 1);
  int major = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), major);
  if (error != std::errc{} || end == last.data()) return std::nullopt;
  return major;
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 0;
  }
  return status;
}

Result<GdbProcess> start_gdb(const GdbCommand& command) {
  if (auto ok = check_version(command.gdb); !ok) return std::unexpected(ok.error());
  auto mi = open_pty(true);
  if (!mi) return std::unexpected(mi.error());
  GdbProcess gdb;
  UniqueFd in, out, err;
  if (command.terminal) {
    auto console = open_pty(false);
    if (!console) return std::unexpected(console.error());
    const winsize size{command.rows, command.columns, 0, 0};
    ioctl(console->master.get(), TIOCSWINSZ, &size);
    gdb.input = UniqueFd(fcntl(console->master.get(), F_DUPFD_CLOEXEC, 0));
    gdb.output = std::move(console->master);
    out = UniqueFd(fcntl(console->slave.get(), F_DUPFD_CLOEXEC, 0));
    in = std::move(console->slave);
  } else {
    auto to = open_pipe(), from = open_pipe();
    if (!to || !from) return fail("cannot make a pipe");
    gdb.input = std::move(to->write);
    gdb.output = std::move(from->read);
    in = std::move(to->read);
    out = std::move(from->write);
  }
  if (command.separate_errors) {
    auto errors = open_pipe();
    if (!errors) return std::unexpected(errors.error());
    gdb.error = std::move(errors->read);
    err = std::move(errors->write);
  }
  std::vector<std::string> words{command.gdb};
  const auto before_symbols = [&words](std::string text) {
    words.emplace_back("-iex");
    words.push_back(std::move(text));
  };
  before_symbols("set editing off");
  before_symbols("set prompt " + command.prompt);
  before_symbols("new-ui mi3 " + mi->name);
  words.insert(words.end(), command.options.begin(), command.options.end());
  words.insert(words.end(), command.program.begin(), command.program.end());
  auto child = spawn(words, {in.get(), out.get(), command.separate_errors ? err.get() : out.get(), command.terminal});
  if (!child) return std::unexpected(child.error());
  if (const int failure = exec_failure(*child); failure != 0) {
    wait_for_end(child->pid);
    return std::unexpected(not_executed(command.gdb, failure));
  }
  gdb.pid = child->pid;
  gdb.ended = UniqueFd(syscall(SYS_pidfd_open, child->pid, 0));
  if (!gdb.ended) return fail_errno(errno, "cannot watch gdb");
  gdb.mi = std::move(mi->master);
  gdb.mi_other_end = std::move(mi->slave);
  return gdb;
}

}  // namespace fred
