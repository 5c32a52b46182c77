#include "gdbmi/prompt/script.h"

#include <algorithm>
#include <iterator>

#include "gdbmi/commands/table.h"

namespace fred {

namespace {

/// Commands of gdb's whose lines follow, up to `end`.
struct Opener {
  std::string_view word;
  std::size_t shortest;  // letters that an abbreviation must have
  bool bare;             // only without arguments
  bool verbatim;         // what follows is not gdb's language: nothing nests
};
constexpr Opener openers[] = {
    {"commands", 4, false, false},
    {"define", 3, false, false},
    {"document", 2, false, true},
    {"if", 2, false, false},
    {"while", 5, false, false},
    {"while-stepping", 7, false, false},
    {"stepping", 8, false, false},
    {"ws", 2, false, false},
    {"python", 2, true, true},
    {"guile", 2, true, true},
    {"python-interactive", 99, true, true},
};

const Opener* opener(std::string_view line) {
  const auto word = line.substr(0, line.find_first_of(" \t("));
  const bool bare = word.size() == line.size();
  const auto* const found = std::ranges::find_if(openers, [&](const Opener& o) {
    return word.size() >= o.shortest && o.word.starts_with(word) && (bare || !o.bare);
  });
  return found != std::end(openers) ? found : nullptr;
}

}  // namespace

std::vector<ScriptPart> split_script(std::string_view text, const std::function<bool(std::string_view)>& is_ours) {
  std::vector<ScriptPart> parts;
  int depth = 0;
  bool verbatim = false;  // in the innermost block
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto command = trimmed(line);
    const bool ours = depth == 0 && !command.empty() && command.front() != '#' && is_ours(command);
    if (ours) {
      parts.push_back({true, std::string(command)});
      continue;
    }
    if (depth > 0 && command == "end") {
      --depth;
      verbatim = false;
    } else if (!verbatim) {
      if (const auto* o = opener(command)) {
        ++depth;
        verbatim = o->verbatim;
      }
    }
    if (parts.empty() || parts.back().ours) {
      parts.push_back({false, std::string(line)});
    } else {
      parts.back().text.append("\n").append(line);
    }
  }
  return parts;
}

}  // namespace fred
