// The log of a session's commands, each with the Time before and after it: shown by `history`, and run again by
// `--replay-commands`. A file of it has one JSON object a line:
//
//   {"command": "reverse-next", "from": "812:0x401136", "to": "790:0x401120", "end": "arrived"}
//
// Only "command" is required, so that a log can be written by hand; unknown keys are ignored, empty lines too.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

struct LoggedCommand {
  std::string command;           // as it was typed
  std::optional<Time> from, to;  // the position before and after it
  std::string end;               // how it ended, in a word; empty if it did not move time
  bool operator==(const LoggedCommand&) const = default;
};

class CommandLog {
 public:
  void add(LoggedCommand command) { commands_.push_back(std::move(command)); }
  const std::vector<LoggedCommand>& commands() const { return commands_; }

  std::string text() const;
  static Result<LoggedCommand> parse_line(std::string_view line);
  /// `name` is for errors, which name the line.
  static Result<CommandLog> parse(std::string_view text, std::string_view name);
  Result<> save(const std::string& path) const;
  static Result<CommandLog> load(const std::string& path);

 private:
  std::vector<LoggedCommand> commands_;
};

}  // namespace fred
