// Pairs of descriptors to a child: pseudo-terminals and pipes.
#pragma once
#include <string>

#include "core/base/error.h"
#include "core/memory/unique_fd.h"

namespace fred {

struct Pty {
  UniqueFd master, slave;
  std::string name;  // of the slave
};

/// A pseudo-terminal. `raw`: it carries bytes unchanged; else its line discipline works as a terminal's does (signals,
/// editing), without echo, and newlines stay what they are.
Result<Pty> open_pty(bool raw);

struct Pipe {
  UniqueFd read, write;
};
Result<Pipe> open_pipe();

}  // namespace fred
