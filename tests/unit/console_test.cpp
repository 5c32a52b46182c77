// gdb's command line as fred drives it: what belongs to which command.
#include "gdbmi/console/console.h"

#include <fmt/format.h>

#include "gdbmi/prompt/gdb_link.h"
#include "test.h"

namespace fred {

TEST_CASE("a Ctrl-C that meets no command leaves each command its own output") {
  for (const bool terminal : {true, false}) {
    CAPTURE(terminal);
    asio::io_context io;
    GdbCommand command;
    command.options = {"-q", "-nx"};
    command.terminal = terminal;
    auto link = GdbLink::start(io, std::move(command));
    REQUIRE(link);
    auto& console = (*link)->console();
    REQUIRE(console.wait_until_ready());
    for (int i = 1; i <= 20; ++i) {
      (*link)->interrupt();
      std::string said;
      const Console::Capture capture(console, said);
      REQUIRE(console.run(fmt::format("print {} + {}", i, i)));
      CAPTURE(said);
      CHECK(said.find(fmt::format(" = {}", 2 * i)) != std::string::npos);
      CHECK(said.find("fred") == std::string::npos);
    }
  }
}

}  // namespace fred
