// gdb as a child. Its command line (console) is on a pseudo-terminal or on pipes, and so it styles, paginates and asks
// as ever; a second interface of the same gdb (`new-ui mi3`) answers the program's own questions.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/memory/unique_fd.h"

namespace fred {

struct GdbCommand {
  std::string gdb = "gdb";
  std::vector<std::string> options;        // before the program
  std::vector<std::string> program;        // program and core file, or --args PROG ARGS…
  std::string prompt;                      // what gdb prints when it is ready for a command
  bool terminal = false;                   // the console is a terminal; else pipes
  unsigned short rows = 24, columns = 80;  // of the terminal
  bool separate_errors = false;            // standard error has a descriptor of its own
};

struct GdbProcess {
  pid_t pid = -1;
  UniqueFd ended;          // a pidfd: readable when gdb has ended
  UniqueFd input, output;  // the console; the same terminal, or pipes
  UniqueFd error;          // with separate_errors
  UniqueFd mi;
  UniqueFd mi_other_end;  // gdb opens it by its name; without ours the line would hang up before. `ended` tells the end
};

/// Checks that this gdb can be used (>= 12) and starts it.
Result<GdbProcess> start_gdb(const GdbCommand& command);

/// The major version in the first line of `gdb --version` ("GNU gdb (Debian 13.1-3) 13.1").
std::optional<int> gdb_major_version(std::string_view first_line);

/// How it ended, as wait gives it; waits for it.
int wait_for_end(pid_t pid);

}  // namespace fred
