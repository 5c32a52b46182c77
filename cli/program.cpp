// Finding the program, and `fred run`.
#include <fmt/format.h>

#include <cstdlib>

#include "cli/commands.h"
#include "cli/engine_process.h"
#include "core/elf/program.h"

namespace fred {

int failed(const std::string& message, int status) {
  fmt::print(stderr, "fred: {}\n", message);
  return status;
}

int run(const RunOptions& options) {
  const auto program = find_program(options.command.front(), std::getenv("PATH"));
  if (!program) return failed(program.error().message, exit_status_for(program.error()));
  EngineCommand command{
      .mode = "run", .dir = {}, .options = options.engine, .program = *program, .args = options.command};
  if (options.stats) command.options.push_back("--stats");
  return failed(exec_engine(command, -1).message);
}

}  // namespace fred
