// The records of GDB/MI. Above the parser nothing sees their text.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "gdbmi/mi/value.h"

namespace fred::mi {

using Token = std::uint64_t;

/// The answer to a command.
struct ResultRecord {
  enum class Class { done, running, connected, error, exit };
  std::optional<Token> token;
  Class result = Class::done;
  Value values;  // a tuple
  bool operator==(Class c) const { return result == c; }
};

/// Something happened: in the program (exec), in a slow operation (status), elsewhere (notify).
struct AsyncRecord {
  enum class Kind { exec, status, notify };
  Kind kind = Kind::exec;
  std::optional<Token> token;
  std::string what;  // "stopped", "breakpoint-created", …
  Value values;      // a tuple
};

/// Text: what the console shows, what the target says, what gdb logs (errors among it).
struct StreamRecord {
  enum class Kind { console, target, log };
  Kind kind = Kind::console;
  std::string text;
};

/// gdb is ready for the next command.
struct PromptRecord {};

using Record = std::variant<ResultRecord, AsyncRecord, StreamRecord, PromptRecord>;

}  // namespace fred::mi
