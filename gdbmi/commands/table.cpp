#include "gdbmi/commands/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/commands/handlers.h"

namespace fred {

namespace {

using Group = Command::Group;

// Groups in the order in which help shows them; within one, the order of the rows.
const std::vector<Command> rows = {
    // name, aliases, group, arguments, summary, help, repeats, handler
    {"reverse-step",
     {"rs", "fred-reverse-step", "fred-rs"},
     Group::reverse,
     "[N]",
     "Step backwards until the start of another source line, into functions from their end.",
     "",
     true,
     handlers::reverse_step},
    {"reverse-next",
     {"rn", "fred-reverse-next", "fred-rn"},
     Group::reverse,
     "[N]",
     "Step backwards over calls, to the start of the line executed before.",
     "",
     true,
     handlers::reverse_next},
    {"reverse-finish",
     {"rf", "fred-reverse-finish", "fred-rf"},
     Group::reverse,
     "[N]",
     "Go back to just before the call of the current function.",
     "With N, the call of the N-th frame out.",
     true,
     handlers::reverse_finish},
    {"reverse-until",
     {},
     Group::reverse,
     "[N]",
     "Like reverse-next, but do not go around a loop again.",
     "",
     true,
     handlers::reverse_until},
    {"reverse-stepi",
     {"rsi"},
     Group::reverse,
     "[N]",
     "Step back exactly one instruction.",
     "",
     true,
     handlers::reverse_stepi},
    {"reverse-nexti",
     {"rni"},
     Group::reverse,
     "[N]",
     "Step back one instruction, but over calls.",
     "",
     true,
     handlers::reverse_nexti},
    {"reverse-continue",
     {"rc", "fred-reverse-continue", "fred-rc"},
     Group::reverse,
     "[N]",
     "Run backwards to the last breakpoint, watchpoint or catchpoint that was hit.",
     "Breakpoints that are set now act on the past, too. With N, ignore N - 1 hits of the breakpoint one stands at.",
     true,
     handlers::reverse_continue},

    {"record",
     {},
     Group::reverse,
     "[ANYTHING]",
     "Not needed: the program is recorded from its start.",
     "(gdb's own would execute it instruction by instruction.)",
     false,
     handlers::record},

    {"when",
     {},
     Group::travel,
     "",
     "Say where in history one is.",
     "Prints the Time (TICKS:PC, as goto takes it) and how far between start and end of history it is.",
     false,
     handlers::when},
    {"goto",
     {},
     Group::travel,
     "[--all] TIME | N% | -N | start | end | NAME",
     "Go to a point of history.",
     "TIME is TICKS or TICKS:PC as `when` prints it; N% is a part of history; -N is N ticks back;\n"
     "NAME is a bookmark. With --all the other processes that are debugged go to where they stood then, by the\n"
     "order of the events of all; `goto --all` alone does only that.",
     false,
     handlers::go_to},
    {"undo",
     {"fred-undo"},
     Group::travel,
     "[N]",
     "Go to where one was before the last N commands that moved time.",
     "What was changed where the program stands since it last ran there (`set var`, `return`) is changed back.",
     true,
     handlers::undo},
    {"back",
     {},
     Group::travel,
     "[N]",
     "Go back through the places one has been, as in a browser.",
     "(gdb's own `back` is short for backtrace: `bt` still is.)",
     true,
     handlers::back},
    {"forward",
     {},
     Group::travel,
     "[N]",
     "Go forward again through the places one has been.",
     "",
     true,
     handlers::forward},

    {"reverse-watch",
     {"fred-reverse-watch", "fred-rw", "rw"},
     Group::search,
     "[--last] EXPR",
     "Find the statement that made EXPR become what it is now.",
     "EXPR is anything that gdb can evaluate, function calls included. Stops before the statement that makes the\n"
     "change: one `next` or `step` shows it. The search probes points of history by bisection, so it finds a change\n"
     "from a different value to the present one, which need not be the last; --last finds the last one.\n"
     "Names mean what they mean in the selected frame; of its locals, only this invocation is searched.",
     false,
     handlers::reverse_watch},
    {"last",
     {},
     Group::search,
     "[-f] EXPR",
     "Go to before the last change of EXPR (-f: the next one).",
     "Where did this value come from? Short for reverse-watch --last; repeat it to go on.",
     true,
     handlers::last},

    {"bookmark",
     {},
     Group::marks,
     "[NAME]",
     "Give this point of history a name, for `goto NAME`.",
     "",
     false,
     handlers::bookmark},
    {"info bookmarks", {}, Group::marks, "", "List the bookmarks.", "", false, handlers::info_bookmarks},
    {"delete bookmark", {}, Group::marks, "N", "Delete bookmark number N.", "", false, handlers::delete_bookmark},
    {"info timeline",
     {},
     Group::marks,
     "",
     "Draw history: snapshots, marks, and where one is.",
     "",
     false,
     handlers::info_timeline},
    {"info snapshots",
     {},
     Group::marks,
     "",
     "List the snapshots that re-execution starts from.",
     "",
     false,
     handlers::info_snapshots},
    {"info processes",
     {},
     Group::marks,
     "",
     "List the processes of the recording: the program and its children.",
     "Each is recorded by itself. * marks the one that is debugged; the others run by themselves.",
     false,
     handlers::info_processes},
    {"process",
     {},
     Group::marks,
     "[N]",
     "Debug process N of the recording (see info processes).",
     "It becomes an inferior of gdb's, with a history and a Time of its own: one that has ended stands at its end,\n"
     "one that runs is stopped. `inferior` changes between those that are open; the commands that travel in time move\n"
     "the current one only. `detach` lets a child go on by itself, still recorded. When the program has exited,\n"
     "process 1 opens it again, until the next run. Without N: which one it is.",
     false,
     handlers::process},

    {"history",
     {"fred-history"},
     Group::history,
     "[save FILE]",
     "Show the commands so far with their Times, or save them.",
     "One line of JSON for each. `fred-gdb --replay-commands FILE` runs a saved history again.",
     false,
     handlers::history},
    {"fred-source",
     {},
     Group::history,
     "FILE",
     "Execute the commands in FILE, fred's and gdb's.",
     "Ends at the first command that fails.",
     false,
     handlers::source},
    {"stats", {}, Group::history, "", "Show what recording and re-executing have cost.", "", false, handlers::stats},

    {"checkpoint",
     {"fred-checkpoint", "fred-ckpt"},
     Group::checkpoints,
     "",
     "Number this point of history.",
     "It costs nothing: a checkpoint is a Time.",
     false,
     handlers::checkpoint},
    {"restart", {"fred-restart"}, Group::checkpoints, "N", "Go to checkpoint number N.", "", false, handlers::restart},
    {"info checkpoints",
     {"fred-list"},
     Group::checkpoints,
     "",
     "List the checkpoints.",
     "",
     false,
     handlers::info_checkpoints},
    {"delete checkpoint",
     {},
     Group::checkpoints,
     "N",
     "Delete checkpoint number N.",
     "",
     false,
     handlers::delete_checkpoint},

    {"set fred",
     {},
     Group::prompt,
     "prompt-format FORMAT",
     "Set what the prompt looks like.",
     "In FORMAT, %p is how far one is (43%), %t the Time, %% a percent sign; what is in [brackets] shows only in the\n"
     "past. The default is \"(fred[ %p]) \"; quotes around FORMAT keep blanks.",
     false,
     handlers::set_fred},
    {"show fred",
     {},
     Group::prompt,
     "prompt-format",
     "Show what the prompt looks like.",
     "",
     false,
     handlers::show_fred},
    {"set prompt", {}, Group::prompt, "TEXT", "Set the prompt to TEXT.", "", false, handlers::set_prompt},
    {"show prompt", {}, Group::prompt, "", "Show the prompt.", "", false, handlers::show_prompt},

    {"help",
     {"h", "fred-help"},
     Group::fred,
     "[fred | COMMAND]",
     "Help on fred's commands and gdb's.",
     "",
     false,
     handlers::help},
    {"tui",
     {"layout"},
     Group::fred,
     "",
     "gdb's TUI needs the terminal for itself: start fred-gdb --plain.",
     "",
     false,
     handlers::no_tui},
};

/// Commands of gdb's that a second word of ours may follow, with their unique abbreviations.
struct FirstWord {
  std::string_view word;
  std::vector<std::string_view> abbreviations;
};
const std::vector<FirstWord> first_words = {
    {"info", {"i", "inf"}}, {"delete", {"d", "del", "dele", "delet"}}, {"set", {}}, {"show", {"sho"}}};

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string_view leading_word(std::string_view text) {
  const auto end = std::ranges::find_if_not(text, is_word_character);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

bool has_name(const Command& command, std::string_view name) {
  return command.name == name || std::ranges::find(command.aliases, name) != command.aliases.end();
}

/// The command with exactly this name, or the only one that begins with it.
const Command* named(std::string_view name, const GdbCompleter& gdb) {
  const Command* only = nullptr;
  bool several = false;
  for (const auto& c : rows) {
    if (has_name(c, name)) return &c;
    if (!c.name.starts_with(name)) continue;
    several = several || only != nullptr;
    only = &c;
  }
  if (only == nullptr || several) return nullptr;
  const auto of_gdb = gdb(name);
  const bool unique = std::ranges::all_of(of_gdb, [only](const auto& g) { return has_name(*only, g); });
  return unique ? only : nullptr;
}

}  // namespace

std::span<const Command> commands() { return rows; }

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::optional<FoundCommand> find_command(std::string_view line, const GdbCompleter& gdb) {
  const auto text = trimmed(line);
  const auto word = leading_word(text);
  if (word.empty()) return std::nullopt;
  const auto rest = trimmed(text.substr(word.size()));
  for (const auto& first : first_words) {
    if (word != first.word && std::ranges::find(first.abbreviations, word) == first.abbreviations.end()) continue;
    const auto second = leading_word(rest);
    if (second.empty()) return std::nullopt;
    if (const auto* c = named(fmt::format("{} {}", first.word, second), gdb)) {
      return FoundCommand{c, trimmed(rest.substr(second.size()))};
    }
    return std::nullopt;
  }
  if (const auto* c = named(word, gdb); c != nullptr && c->name.find(' ') == std::string_view::npos) {
    return FoundCommand{c, rest};
  }
  // An alias of a command of two words.
  for (const auto& c : rows) {
    if (has_name(c, word)) return FoundCommand{&c, rest};
  }
  return std::nullopt;
}

std::vector<std::string> complete_command(std::string_view text) {
  std::vector<std::string> found;
  for (const auto& c : rows) {
    if (c.name.starts_with(text)) found.emplace_back(c.name);
    for (const auto alias : c.aliases) {
      if (alias.starts_with(text) && alias.size() > 3) found.emplace_back(alias);
    }
  }
  return found;
}

}  // namespace fred
