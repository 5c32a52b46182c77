// fred-gdb-fake: fred-gdb with a fake session. The program to debug (the last word) is recorded first.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "gdbmi/prompt/prompt.h"
#include "tests/sessions/fake/session.h"

int main(int argc, char** argv) {
  auto options = fred::parse_options({argv + 1, static_cast<std::size_t>(argc - 1)});
  if (!options || options->program.empty()) {
    fmt::print(stderr, "usage: fred-gdb-fake [OPTIONS] PROGRAM\n");
    return 2;
  }
  const auto trace = fred::test::Trace::record(options->program.back());
  if (!trace) {
    fmt::print(stderr, "fred-gdb-fake: {}\n", trace.error().message);
    return 2;
  }
  std::string folder = "/tmp/fred-fake-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 2;
  const auto socket = folder + "/socket";
  int status = 0;
  {
    fred::asio::io_context io;
    fred::test::FakeSession session(io, *trace, socket);
    status = fred::Prompt(io, session, std::move(*options)).run();
  }
  unlink(socket.c_str());
  rmdir(folder.c_str());
  return status;
}
