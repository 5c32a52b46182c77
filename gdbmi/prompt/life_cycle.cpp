#include "gdbmi/prompt/life_cycle.h"

#include <algorithm>
#include <iterator>

#include "gdbmi/commands/table.h"

namespace fred {

namespace {

struct Named {
  std::string_view name;
  std::size_t shortest;
  LifeCycle what;
};
constexpr Named life_cycle[] = {
    {"run", 1, LifeCycle::run},       {"start", 5, LifeCycle::start}, {"starti", 6, LifeCycle::start},
    {"attach", 3, LifeCycle::attach}, {"kill", 1, LifeCycle::kill},   {"detach", 3, LifeCycle::detach},
    {"quit", 1, LifeCycle::quit},     {"exit", 3, LifeCycle::quit},
};

constexpr std::string_view terminal_users[] = {
    "shell", "she",        "shel", "make", "mak", "edit", "e", "ed", "edi", "pipe", "python-interactive",
    "pi",    "guile-repl", "gr"};

std::string_view first_word(std::string_view line) { return line.substr(0, line.find_first_of(" \t/")); }

}  // namespace

std::optional<LifeCycleCommand> life_cycle_command(std::string_view line) {
  line = trimmed(line);
  const auto word = first_word(line);
  const auto* const found = std::ranges::find_if(
      life_cycle, [word](const Named& n) { return word.size() >= n.shortest && n.name.starts_with(word); });
  if (word.empty() || found == std::end(life_cycle)) return std::nullopt;
  return LifeCycleCommand{found->what, trimmed(line.substr(word.size()))};
}

bool uses_terminal(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('!') || line.starts_with('|')) return true;
  return std::ranges::find(terminal_users, first_word(line)) != std::end(terminal_users);
}

}  // namespace fred
