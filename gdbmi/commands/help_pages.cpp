// The table of commands as text: help at the prompt, docs/COMMANDS.md, and the section of the manual page.
#include <fmt/format.h>

#include "gdbmi/commands/table.h"

namespace fred {

using Group = Command::Group;

std::string_view title(Group group) {
  switch (group) {
    case Group::reverse:
      return "Executing backwards";
    case Group::travel:
      return "Travelling in time";
    case Group::search:
      return "Finding changes";
    case Group::marks:
      return "Marks and the timeline";
    case Group::history:
      return "The record of the session";
    case Group::checkpoints:
      return "Checkpoints";
    case Group::prompt:
      return "The prompt";
    case Group::fred:
      return "Help";
  }
  return "";
}

namespace {

std::string usage(const Command& c) {
  return c.arguments.empty() ? std::string(c.name) : fmt::format("{} {}", c.name, c.arguments);
}

/// Calls `group` for each group's first row and `row` for each row.
template <class OnGroup, class OnRow>
void walk(OnGroup on_group, OnRow on_row) {
  const Command* before = nullptr;
  for (const auto& c : commands()) {
    if (before == nullptr || before->group != c.group) on_group(c.group);
    on_row(c);
    before = &c;
  }
}

}  // namespace

std::string help_of_all() {
  std::string text = "fred's commands. All of gdb's work as well; `help COMMAND` says more.\n";
  walk([&](Group g) { text += fmt::format("\n{}:\n", title(g)); },
       [&](const Command& c) { text += fmt::format("  {:<33} {}\n", usage(c), c.summary); });
  return text;
}

std::string help_of(const Command& c) {
  std::string text(c.summary);
  text += "\n";
  if (!c.help.empty()) text += fmt::format("{}\n", c.help);
  text += fmt::format("Usage: {}\n", usage(c));
  if (!c.aliases.empty()) text += fmt::format("Also: {}\n", fmt::join(c.aliases, ", "));
  return text;
}

std::string commands_page() {
  std::string text =
      "# fred's commands\n\nAt the prompt of `fred-gdb` all of gdb's commands work, and these. Names can be shortened "
      "as gdb's can.\nThis page is what `fred-gdb --commands-page` prints: it is made from the table in "
      "`gdbmi/commands/table.cpp`.\n";
  walk([&](Group g) { text += fmt::format("\n## {}\n", title(g)); },
       [&](const Command& c) {
         text += fmt::format("\n### `{}`\n\n{}\n", usage(c), c.summary);
         if (!c.help.empty()) text += fmt::format("{}\n", c.help);
         if (!c.aliases.empty()) text += fmt::format("\nAlso: `{}`.\n", fmt::join(c.aliases, "`, `"));
       });
  return text;
}

namespace {

/// As roff shows it unchanged.
std::string roff(std::string_view text) {
  std::string all;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) all += "\\&";
    if (c == '-') all += '\\';
    all += c;
    if (c == '\\') all += 'e';
    line_begins = c == '\n';
  }
  return all;
}

}  // namespace

std::string commands_manual() {
  std::string text = ".SH COMMANDS\n";
  walk([&](Group g) { text += fmt::format(".SS {}\n", title(g)); },
       [&](const Command& c) {
         text += fmt::format(".TP\n.B {}\n{}\n", roff(usage(c)), roff(c.summary));
         if (!c.help.empty()) text += roff(c.help) + "\n";
         if (!c.aliases.empty())
           text += fmt::format("Also: {}.\n", roff(fmt::format("{}", fmt::join(c.aliases, ", "))));
       });
  return text;
}

}  // namespace fred
