// Commands of gdb's that concern the program as a whole.
#pragma once
#include <optional>
#include <string_view>

#include "gdbmi/commands/travel_session.h"

namespace fred {

struct LifeCycleCommand {
  LifeCycle what{};
  std::string_view arguments;
};

/// What the line is, by name or abbreviation; nothing if it is another command.
std::optional<LifeCycleCommand> life_cycle_command(std::string_view line);

/// Does the line have the program go on, other than by lines or instructions?
enum class GoesOn : u8 { no, yes, to_frame_end };
GoesOn goes_on(std::string_view line);

/// The line runs something that uses gdb's terminal by itself (`shell`, `edit`, …).
bool uses_terminal(std::string_view line);

}  // namespace fred
