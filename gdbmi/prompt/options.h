// The command line of fred-gdb: gdb's, and a few options more.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace fred {

struct StartCommand {
  bool file = false;  // -x: `text` is a file of commands; else -ex: it is a command
  std::string text;
};

struct PromptOptions {
  std::string gdb = "gdb";
  std::vector<std::string> gdb_options;  // passed on as they are
  std::vector<std::string> program;      // program and core file, or --args PROG ARGS…
  std::vector<StartCommand> commands;    // in their order
  std::string replay;                    // --replay-commands FILE
  bool batch = false, quiet = false, plain = false, tui = false, native = false, help = false, version = false,
       commands_page = false, commands_manual = false, python_helper = false;
};

Result<PromptOptions> parse_options(std::span<const char* const> words);

std::string options_help();

}  // namespace fred
