#include "gdbmi/prompt/plain.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "gdbmi/console/gdb_process.h"
#include "gdbmi/prompt/gdb_link.h"

namespace fred {

namespace {

std::vector<std::string> command_line(TravelSession& session, const PromptOptions& options) {
  std::vector<std::string> words{options.gdb};
  const auto add = [&words](const char* option, const std::string& value) {
    words.emplace_back(option);
    words.push_back(value);
  };
  if (options.quiet) words.emplace_back("-q");
  if (options.batch) words.emplace_back("-batch");
  words.insert(words.end(), options.gdb_options.begin(), options.gdb_options.end());
  for (const auto& command : session.gdb_commands()) add("-ex", command);
  // Where there is no prompt of ours, gdb's own tells the session what happens.
  if (session.owns_program()) add("-ex", "python _FredLink.keep_record()");
  for (const auto& command : options.commands) add(command.file ? "-x" : "-ex", command.text);
  words.insert(words.end(), options.program.begin(), options.program.end());
  return words;
}

}  // namespace

int run_plain(asio::io_context& io, TravelSession& session, const PromptOptions& options) {
  const auto words = command_line(session, options);
  std::vector<char*> argv;
  for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) {
    fmt::print(stderr, "fred: cannot fork: {}\n", std::strerror(errno));
    return 1;
  }
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGHUP);
    execvp(argv[0], argv.data());
    fmt::print(stderr, "fred: cannot start '{}': {}\n", options.gdb, std::strerror(errno));
    _exit(1);
  }
  // The terminal's signals are gdb's.
  for (const int signal : {SIGINT, SIGQUIT, SIGTSTP}) std::signal(signal, SIG_IGN);
  asio::posix::stream_descriptor ended(io, static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  bool done = false;
  ended.async_wait(asio::posix::stream_descriptor::wait_read, [&done](boost::system::error_code) { done = true; });
  while (!done && io.run_one() != 0) {
  }
  const int status = wait_for_end(pid);
  if (const auto end = bad_end(status); !end.empty()) {
    fmt::print(stderr, "fred: {}; the session ends with it\n", end);
    return 1;
  }
  const int gdbs = WEXITSTATUS(status);
  return options.child_result ? session.child_result(gdbs) : gdbs;
}

}  // namespace fred
