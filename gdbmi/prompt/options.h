// The command line of fred-gdb: gdb's, and a few options more.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

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
  std::vector<std::string> engine;       // options for the engine: --chaos=SEED
  std::optional<u64> most_runs;          // --chaos-until-failure
  std::string replay;                    // --replay-commands FILE
  bool batch = false, quiet = false, plain = false, tui = false, native = false, help = false, version = false,
       commands_page = false, commands_manual = false, python_helper = false, child_result = false;
};

Result<PromptOptions> parse_options(std::span<const char* const> words);

std::string options_help();

/// The program and its arguments, of --args or without, no core file.
std::vector<std::string> program_command(const PromptOptions& options);

}  // namespace fred
