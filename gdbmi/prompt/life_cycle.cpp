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

struct Going {
  std::string_view name;
  std::size_t shortest;
  bool needs_place = false;  // without an argument it is another command
  GoesOn how = GoesOn::yes;
};
constexpr Going going[] = {
    {.name = "continue", .shortest = 4}, {.name = "c", .shortest = 1},
    {.name = "fg", .shortest = 2},       {.name = "finish", .shortest = 3, .how = GoesOn::to_frame_end},
    {.name = "advance", .shortest = 3},  {.name = "until", .shortest = 1, .needs_place = true},
    {.name = "jump", .shortest = 1},     {.name = "signal", .shortest = 3},
    {.name = "run", .shortest = 1},      {.name = "start", .shortest = 5},
};

constexpr std::string_view terminal_users[] = {
    "shell", "she",        "shel", "make", "mak", "edit", "e", "ed", "edi", "pipe", "python-interactive",
    "pi",    "guile-repl", "gr"};

std::string_view first_word(std::string_view line) { return line.substr(0, line.find_first_of(" \t/")); }

/// The row that the word names, whole or abbreviated; null: none.
template <class Row, std::size_t count>
const Row* row_of(const Row (&rows)[count], std::string_view word) {
  const auto* const found = std::ranges::find_if(
      rows, [word](const Row& r) { return word.size() >= r.shortest && r.name.starts_with(word); });
  return word.empty() || found == std::end(rows) ? nullptr : found;
}

}  // namespace

std::optional<LifeCycleCommand> life_cycle_command(std::string_view line) {
  line = trimmed(line);
  const auto word = first_word(line);
  const auto* const found = row_of(life_cycle, word);
  if (found == nullptr) return std::nullopt;
  return LifeCycleCommand{found->what, trimmed(line.substr(word.size()))};
}

GoesOn goes_on(std::string_view line) {
  line = trimmed(line);
  const auto word = first_word(line);
  const auto* const found = row_of(going, word);
  if (found == nullptr) return GoesOn::no;
  return found->needs_place && trimmed(line.substr(word.size())).empty() ? GoesOn::no : found->how;
}

bool uses_terminal(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('!') || line.starts_with('|')) return true;
  return std::ranges::find(terminal_users, first_word(line)) != std::end(terminal_users);
}

}  // namespace fred
