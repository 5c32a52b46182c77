// Finding the program to run: PATH, scripts, permissions. All of it looks at the outside world, so live only.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/memory/unique_fd.h"

namespace fred {

/// What execve(path, args) would load, open and checked, before its ELF headers are read.
struct Program {
  UniqueFd fd;
  std::string path;               // the file that is loaded: `path` given, or a script's interpreter
  std::string exe;                // its absolute path, what /proc/self/exe reads as
  std::string execfn;             // AT_EXECFN: the path that was given (of the script, if it is one)
  std::vector<std::string> args;  // argv, with what #! lines add; never empty
};

/// Finds `name` as a shell does: as it is if it has a slash, else in the folders of `path_variable` (the PATH,
/// or null: the usual default). Errors: ENOENT not found; EACCES found but not to be executed.
Result<std::string> find_program(std::string_view name, const char* path_variable);

/// Opens what execve would load. Errors carry execve's errno; programs that would run with other privileges
/// than ours are EPERM with a line that says so. A script's missing interpreter is ENOENT.
Result<Program> open_program(const std::string& path, std::vector<std::string> args);

/// The exit status of a shell that cannot run a program: 127 not found, else 126.
int exit_status_for(const Error& error);

}  // namespace fred
