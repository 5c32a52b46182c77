// Files of commands: which lines are fred's, and which belong together for gdb.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fred {

struct ScriptPart {
  bool ours = false;  // one line, a command of fred's; else lines for gdb
  std::string text;   // without the last newline
};

/// `is_ours` decides about a line. What lies within `commands … end`, `define … end`, `if`, `while`, `python` and so on
/// is gdb's, whatever it is.
std::vector<ScriptPart> split_script(std::string_view text, const std::function<bool(std::string_view)>& is_ours);

}  // namespace fred
