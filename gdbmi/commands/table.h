// All of fred's commands, and finding the one that is meant.
#pragma once
#include <functional>
#include <optional>
#include <span>

#include "gdbmi/commands/command.h"

namespace fred {

std::span<const Command> commands();

struct FoundCommand {
  const Command* command = nullptr;
  std::string_view arguments;  // of the line, without blanks around
};

/// All commands of gdb's that begin with a text, as gdb's completer gives them.
using GdbCompleter = std::function<std::vector<std::string>(std::string_view)>;

/// The command that a line names, by its name, an alias, or an abbreviation that no other command of fred's or gdb's
/// begins with. Nothing: the line is gdb's.
std::optional<FoundCommand> find_command(std::string_view line, const GdbCompleter& gdb);

/// The names and aliases that begin with `text`.
std::vector<std::string> complete_command(std::string_view text);

// help_pages.cpp: `help fred`, `help COMMAND`, docs/COMMANDS.md, and what docs/fred-gdb.1 says of commands.
std::string help_of_all();
std::string help_of(const Command& command);
std::string commands_page();
std::string commands_manual();

/// Without blanks at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace fred
