// fred-gdb: the command line.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "cli/commands.h"
#include "cli/native_session.h"
#include "gdbmi/commands/table.h"
#include "gdbmi/prompt/plain.h"
#include "gdbmi/prompt/prompt.h"
#include "gdbmi/travel/recorded_session.h"

namespace {

/// Has the program run under one schedule after another. In a process of its own: recording changes what signals do.
std::optional<std::uint64_t> seed_that_fails(const fred::PromptOptions& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    std::optional<std::uint64_t> seed;
    fred::RunOptions runs;
    runs.command = program_command(options);
    // gdb looks here first, then in PATH.
    auto& program = runs.command.front();
    if (!program.contains('/') && access(program.c_str(), X_OK) == 0) program.insert(0, "./");
    runs.engine = options.engine;
    runs.most_runs = *options.most_runs;
    const int status = fred::record_until_failure(runs, &seed);
    if (seed && write(ends[1], &*seed, sizeof *seed) != sizeof *seed) _exit(125);
    std::fflush(nullptr);
    _exit(status);
  }
  close(ends[1]);
  std::uint64_t seed = 0;
  const bool found = child > 0 && read(ends[0], &seed, sizeof seed) == sizeof seed;
  close(ends[0]);
  while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return found ? std::optional(seed) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  auto options = fred::parse_options({argv + 1, static_cast<std::size_t>(argc - 1)});
  if (!options) {
    fmt::print(stderr, "fred-gdb: {}\n", options.error().message);
    return 1;
  }
  if (options->help) {
    fmt::print("{}", fred::options_help());
    return 0;
  }
  if (options->version) {
    fmt::print("fred-gdb {}\n", FRED_VERSION);
    return 0;
  }
  if (options->commands_page) {
    fmt::print("{}", fred::commands_page());
    return 0;
  }
  if (options->commands_manual) {
    fmt::print("{}", fred::commands_manual());
    return 0;
  }
  if (options->python_helper) {
    fmt::print("{}\n\n_FredLink.keep_record()\n", fred::RecordedSession::python_helper());
    return 0;
  }
  if (options->most_runs) {
    const auto seed = seed_that_fails(*options);
    if (!seed) return 1;
    options->engine = {fmt::format("--chaos={}", *seed)};
    fmt::print(stderr, "fred-gdb: now with --chaos={}\n", *seed);
  } else if (!options->engine.empty()) {
    fmt::print(stderr, "fred-gdb: {}\n", options->engine.front());
  }
  fred::asio::io_context io;
  const auto run = [&](fred::TravelSession& session) {
    if (options->plain) return fred::run_plain(io, session, *options);
    return fred::Prompt(io, session, std::move(*options)).run();
  };
  if (options->native) {
    fred::NativeSession session;
    return run(session);
  }
  fred::RecordedSession session(io, {.engine = options->engine});
  return run(session);
}
