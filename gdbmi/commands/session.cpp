// The session as a whole: its timeline, its record, its prompt, help.
#include <fmt/format.h>

#include <fstream>

#include "core/base/number.h"
#include "gdbmi/commands/handlers.h"
#include "gdbmi/commands/table.h"
#include "gdbmi/commands/timeline_bar.h"

namespace fred::handlers {

Result<> info_timeline(CommandContext& c, Arguments) {
  const auto where = need_program(c);
  if (!where) return std::unexpected(where.error());
  std::vector<Mark> marks;
  for (const auto kind : {Mark::Kind::stop, Mark::Kind::checkpoint, Mark::Kind::bookmark}) {
    for (auto& m : c.session.marks(kind)) marks.push_back(std::move(m));
  }
  const auto snapshots = c.session.snapshots();
  c.shell.print(fmt::format("{} to {}: {} ticks, now at {} ({:.1f}%)\n", c.session.print(where->begin),
                            c.session.print(where->tip), where->tip.ticks - where->begin.ticks,
                            c.session.print(where->now), where->percent()));
  c.shell.print(timeline_bar(*where, snapshots, marks, std::min(c.shell.width(), 100U)));
  c.shell.print("| snapshot   . stop   c checkpoint   b bookmark   ^ here\n");
  return {};
}

Result<> info_processes(CommandContext& c, Arguments) {
  const auto processes = c.session.processes();
  if (processes.empty()) return fail("The program is not being run.");
  std::string text = "    Process Parent  Pid      Program          State\n";
  for (const auto& p : processes) {
    const auto parent = p.parent != 0 ? std::to_string(p.parent) : "";
    text += fmt::format("  {} {:<7} {:<7} {:<8} {:<16} {}\n", p.current ? '*' : ' ', p.number, parent, p.pid, p.program,
                        p.state);
  }
  c.shell.print(text);
  return {};
}

Result<> process(CommandContext& c, Arguments a) {
  if (a.empty()) {
    const auto processes = c.session.processes();
    if (processes.empty()) return fail("The program is not being run.");
    for (const auto& p : processes) {
      if (p.current) c.shell.print(fmt::format("Process {}, pid {}, {}.\n", p.number, p.pid, p.program));
    }
    return {};
  }
  const auto number = whole_number<u32>(a);
  if (!number) return fail(fmt::format("'{}' is no number of a process (see info processes).", a));
  const auto command = c.session.open_process(*number);
  if (!command) return std::unexpected(command.error());
  c.shell.gdb(*command);
  return {};
}

Result<> info_snapshots(CommandContext& c, Arguments) {
  if (auto where = need_program(c); !where) return std::unexpected(where.error());
  const auto snapshots = c.session.snapshots();
  std::string text = snapshots.empty() ? "No snapshots.\n" : "";
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    text += fmt::format("{:<4} {:<24} {:.1f} MiB\n", i + 1, c.session.print(snapshots[i].time),
                        static_cast<double>(snapshots[i].bytes) / (1 << 20));
  }
  c.shell.print_pages(text);
  return {};
}

Result<> history(CommandContext& c, Arguments a) {
  const auto lines = c.session.history();
  if (a.empty()) {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    c.shell.print_pages(text);
    return {};
  }
  const auto word = a.substr(0, a.find(' '));
  const auto file = trimmed(a.substr(word.size()));
  if (word != "save" || file.empty()) return fail("Usage: history [save FILE]");
  std::ofstream out{std::string(file)};
  for (const auto& line : lines) out << line << '\n';
  out.close();
  if (!out) return fail(fmt::format("cannot write {}", file));
  c.shell.print(fmt::format("Saved {} commands to {}.\n", lines.size(), file));
  return {};
}

Result<> stats(CommandContext& c, Arguments) {
  c.shell.print(c.session.statistics());
  return {};
}

Result<> source(CommandContext& c, Arguments a) {
  if (a.empty()) return fail("Argument required (a file of commands).");
  return c.shell.run_file(std::string(a));
}

Result<> set_fred(CommandContext& c, Arguments a) {
  constexpr std::string_view name = "prompt-format";
  const auto word = a.substr(0, a.find(' '));
  if (word != name) return fail(fmt::format("No setting '{}'; there is: {}", word, name));
  auto format = trimmed(a.substr(name.size()));
  if (format.size() >= 2 && format.front() == '"' && format.back() == '"') {
    format = format.substr(1, format.size() - 2);
  }
  if (format.empty()) return fail("Argument required (see help set fred).");
  return c.shell.set_prompt_format(format);
}

Result<> show_fred(CommandContext& c, Arguments) {
  c.shell.print(fmt::format("prompt-format is \"{}\".\n", c.shell.prompt_format()));
  return {};
}

/// gdb's prompt is not seen; what the user wants it to be becomes fred's.
Result<> set_prompt(CommandContext& c, Arguments a) {
  std::string format;
  for (const char ch : a) {
    if (ch == '[' || ch == ']' || ch == '%') format += '%';
    format += ch;
  }
  return c.shell.set_prompt_format(format + " ");
}

Result<> show_prompt(CommandContext& c, Arguments) { return show_fred(c, ""); }

Result<> help(CommandContext& c, Arguments a) {
  if (a == "fred") {
    c.shell.print_pages(help_of_all());
    return {};
  }
  if (const auto found = find_command(a, [&c](std::string_view text) { return c.shell.gdb_completions(text); });
      found && found->arguments.empty()) {
    c.shell.print(help_of(*found->command));
    return {};
  }
  c.shell.gdb(a.empty() ? "help" : fmt::format("help {}", a));
  if (a.empty()) c.shell.print("Type \"help fred\" for the commands that travel in time.\n");
  return {};
}

Result<> no_tui(CommandContext&, Arguments) {
  return fail("gdb's TUI needs the terminal for itself: start fred-gdb --plain");
}

}  // namespace fred::handlers
