// How a program is started.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace fred {

struct Launch {
  std::vector<std::string> args;                                       // args[0]: found as a shell would
  std::optional<std::vector<std::string>> environment = std::nullopt;  // none: fred's own
  std::string working_directory = {};                                  // empty: fred's own
  bool by_shell = false;  // a shell expands the arguments, redirections included (cli/shell_words.h)
  std::array<int, 3> standard = {-1, -1, -1};  // descriptors that become 0, 1 and 2; -1: fred's own
  bool own_group = false;                      // in a process group of its own
  std::string terminal = {};                   // its terminal, and its standard descriptors; empty: fred's own
};

}  // namespace fred
