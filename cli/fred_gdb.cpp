// fred-gdb: the command line.
#include <fmt/format.h>

#include "cli/native_session.h"
#include "gdbmi/commands/table.h"
#include "gdbmi/prompt/plain.h"
#include "gdbmi/prompt/prompt.h"
#include "gdbmi/travel/recorded_session.h"

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
  fred::asio::io_context io;
  const auto run = [&](fred::TravelSession& session) {
    if (options->plain) return fred::run_plain(io, session, *options);
    return fred::Prompt(io, session, std::move(*options)).run();
  };
  if (options->native) {
    fred::NativeSession session;
    return run(session);
  }
  fred::RecordedSession session(io, {});
  return run(session);
}
