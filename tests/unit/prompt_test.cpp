// gdbmi/commands and gdbmi/prompt, without gdb: finding commands, options, scripts, the prompt's text, the timeline's
// bar.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gdbmi/commands/console_text.h"
#include "gdbmi/commands/table.h"
#include "gdbmi/commands/timeline_bar.h"
#include "gdbmi/console/gdb_process.h"
#include "gdbmi/prompt/life_cycle.h"
#include "gdbmi/prompt/options.h"
#include "gdbmi/prompt/prompt_format.h"
#include "gdbmi/prompt/questions.h"
#include "gdbmi/prompt/script.h"
#include "gdbmi/prompt/user_terminal.h"
#include "gdbmi/travel/gdb_symbols.h"
#include "test.h"

using namespace fred;

namespace {

/// Some of gdb's commands.
std::vector<std::string> completions(std::string_view text) {
  static const std::vector<std::string> all = {"backtrace",
                                               "bookmark",
                                               "break",
                                               "checkpoint",
                                               "undisplay",
                                               "until",
                                               "unset",
                                               "reverse-step",
                                               "reverse-stepi",
                                               "reverse-search",
                                               "reverse-finish",
                                               "reverse-continue",
                                               "whatis",
                                               "where",
                                               "while",
                                               "forward-search",
                                               "info checkpoints",
                                               "info breakpoints",
                                               "delete checkpoint",
                                               "set prompt",
                                               "set print",
                                               "restart",
                                               "help"};
  std::vector<std::string> found;
  std::ranges::copy_if(all, std::back_inserter(found), [text](const std::string& c) { return c.starts_with(text); });
  return found;
}

/// "name|arguments", or "" if the line is gdb's.
std::string found(std::string_view line) {
  const auto f = find_command(line, completions);
  return f ? std::string(f->command->name) + "|" + std::string(f->arguments) : "";
}

Result<PromptOptions> options(std::vector<const char*> words) { return parse_options(words); }

}  // namespace

TEST_CASE("commands are found by name, alias and unambiguous abbreviation") {
  CHECK(found("reverse-step") == "reverse-step|");
  CHECK(found("  rs  5 ") == "reverse-step|5");
  CHECK(found("fred-rw a < b") == "reverse-watch|a < b");
  CHECK(found("reverse-watch(x)") == "reverse-watch|(x)");
  CHECK(found("reverse-w x") == "reverse-watch|x");
  CHECK(found("reverse-f") == "reverse-finish|");
  CHECK(found("bookm here") == "bookmark|here");
  CHECK(found("when") == "when|");
  CHECK(found("back") == "back|");
  CHECK(found("i checkpoints") == "info checkpoints|");
  CHECK(found("info check") == "info checkpoints|");
  CHECK(found("d checkpoint 3") == "delete checkpoint|3");
  CHECK(found("fred-list") == "info checkpoints|");
  CHECK(found("set prompt x") == "set prompt|x");
  CHECK(found("history save f") == "history|save f");
}

TEST_CASE("what is gdb's stays gdb's") {
  for (const char* line : {"", "   ", "# when", "reverse-s", "und", "un", "wh", "bac", "forw", "info", "info b",
                           "info breakpoints", "set var x = 1", "print when", "rev", "!ls", "x/4x $sp", "set p"}) {
    CAPTURE(line);
    CHECK(found(line) == "");
  }
}

TEST_CASE("the table of commands: names are unique, texts are whole") {
  std::set<std::string_view> names;
  for (const auto& c : commands()) {
    CAPTURE(c.name);
    CHECK(names.insert(c.name).second);
    for (const auto alias : c.aliases) CHECK(names.insert(alias).second);
    CHECK((c.handler != nullptr));
    CHECK(c.summary.ends_with('.'));
    CHECK(help_of_all().find(c.name) != std::string::npos);
    CHECK(commands_page().find(c.summary) != std::string::npos);
  }
}

TEST_CASE("options of gdb are passed on, with one dash or two, by unique abbreviation") {
  const auto o = options({"-q", "--nx", "-ex", "p 1", "--eval-command=p 2", "-x", "f", "-cd=/tmp", "-iex", "set x",
                          "--batch", "prog", "core"});
  REQUIRE(o.has_value());
  CHECK(o->quiet);
  CHECK(o->batch);
  CHECK(o->gdb_options == std::vector<std::string>{"-nx", "-cd", "/tmp", "-iex", "set x"});
  CHECK(o->program == std::vector<std::string>{"prog", "core"});
  REQUIRE(o->commands.size() == 3);
  CHECK(o->commands[1].text == "p 2");
  CHECK(o->commands[2].file);
  CHECK(options({"-eval", "p"})->commands.size() == 1);
}

TEST_CASE("behind --args everything is the program's") {
  const auto o = options({"--args", "-q", "prog", "-x", "--batch"});
  REQUIRE(o.has_value());
  CHECK(o->quiet);
  CHECK_FALSE(o->batch);
  CHECK(o->program == std::vector<std::string>{"--args", "prog", "-x", "--batch"});
}

TEST_CASE("bad options are errors of one line") {
  for (const auto& words : std::vector<std::vector<const char*>>{{"-nonsense"}, {"-ex"}, {"--tui"}, {"-i=mi"}}) {
    const auto o = options(words);
    REQUIRE_FALSE(o.has_value());
    CHECK(o.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("scripts: fred's lines are apart, blocks are gdb's") {
  const auto ours = [](std::string_view line) { return line.starts_with("when") || line.starts_with("goto"); };
  const auto parts = split_script(
      "break main\nrun\nwhen\n\ncommands 1\nwhen\nif 1\nwhen\nend\nend\ngoto 5\npython\nif x:\n  when\nend\n"
      "python print(1)\nwhen",
      ours);
  REQUIRE(parts.size() == 6);
  CHECK(parts[0].text == "break main\nrun");
  CHECK((parts[1].ours && parts[1].text == "when"));
  CHECK(parts[2].text == "\ncommands 1\nwhen\nif 1\nwhen\nend\nend");
  CHECK(parts[3].text == "goto 5");
  CHECK(parts[4].text == "python\nif x:\n  when\nend\npython print(1)");
  CHECK(parts[5].text == "when");
  CHECK(split_script("", ours).empty());
}

TEST_CASE("the text of the prompt") {
  const auto at = [](u64 ticks, u64 tip) { return Where{{0, {}}, {ticks, {}}, {tip, {}}}; };
  CHECK(render_prompt(default_prompt_format, std::nullopt, "") == "(fred) ");
  CHECK(render_prompt(default_prompt_format, at(100, 100), "") == "(fred) ");
  CHECK(render_prompt(default_prompt_format, at(43, 100), "") == "(fred 43%) ");
  CHECK(render_prompt(default_prompt_format, at(999, 1000), "") == "(fred 99%) ");
  CHECK(render_prompt("%t%%[ %[past%]]> ", at(1, 2), "1:0x5") == "1:0x5% [past]> ");
  CHECK(check_prompt_format(default_prompt_format).has_value());
  for (const char* bad : {"%", "%x", "[", "]", "[[]]", "[a"}) CHECK_FALSE(check_prompt_format(bad).has_value());
}

TEST_CASE("the bar of the timeline") {
  const Where where{{0, {}}, {50, {}}, {100, {}}};
  const std::vector<SnapshotInfo> snapshots{{{0, {}}, 0}, {{100, {}}, 0}};
  const std::vector<Mark> marks{{Mark::Kind::bookmark, 1, "b", {25, {}}, ""}, {Mark::Kind::stop, 1, "", {75, {}}, ""}};
  CHECK(timeline_bar(where, snapshots, marks, 23) == "[|----b---------.----|]\n           ^\n");
  const Where point{{7, {}}, {7, {}}, {7, {}}};
  CHECK(timeline_bar(point, {}, {}, 0).size() > 20);
}

TEST_CASE("what gdb says is understood") {
  const auto line =
      parse_info_line("Line 12 of \"a b.c\" starts at address 0x11b2 <main+8>\n   and ends at 0x11c3 <main+25>.\n");
  REQUIRE(line.has_value());
  CHECK(line->line == 12);
  CHECK(line->file == "a b.c");
  CHECK(line->range == GuestRange{GuestAddr{0x11b2}, GuestAddr{0x11c3}});
  CHECK_FALSE(parse_info_line("No line number information available for address 0x7ffff7fe4b40 <_start>\n"));
  CHECK_FALSE(parse_info_line(""));
  CHECK(gdb_major_version("GNU gdb (Debian 13.1-3) 13.1") == 13);
  CHECK(gdb_major_version("GNU gdb (GDB) 9.2.90.20200913-git") == 9);
  CHECK_FALSE(gdb_major_version("ls (GNU coreutils) 9.1").has_value());
  for (const char* question : {">", "  >", "Delete all breakpoints? (y or n) ", "Make it pending? (y or [n]) ",
                               "--Type <RET> for more, q to quit, c to continue without paging--\033[m"}) {
    CHECK(is_known_question(question));
  }
  for (const char* text : {"", "foo", "a >", "name? "}) CHECK_FALSE(is_known_question(text));
}

TEST_CASE("commands about the program's life, and those that use the terminal") {
  CHECK(life_cycle_command("r a b")->arguments == "a b");
  CHECK(life_cycle_command("kill")->what == LifeCycle::kill);
  CHECK(life_cycle_command("q")->what == LifeCycle::quit);
  CHECK(life_cycle_command("att 5")->what == LifeCycle::attach);
  for (const char* line : {"", "rbreak", "step", "stepi", "next", "a", "print quit"}) {
    CAPTURE(line);
    CHECK_FALSE(life_cycle_command(line).has_value());
  }
  for (const char* line : {"!vi", "shell", "edit 5", "| p 1 | less"}) CHECK(uses_terminal(line));
  for (const char* line : {"", "echo !", "step", "p 1"}) CHECK_FALSE(uses_terminal(line));
}

TEST_CASE("the function of a symbol as gdb prints it") {
  CHECK(function_name("append + 12 in section .text of /bin/list\n") == "append");
  CHECK(function_name("main in section .text\n") == "main");
  CHECK(function_name("(anonymous namespace)::f(unsigned long, void (*)(int)) + 4 in section .text") ==
        "(anonymous namespace)::f");
  CHECK(function_name("list<int>::operator()(int) in section .text") == "list<int>::operator()");
  CHECK(function_name("No symbol matches $pc.\n") == "");
}

TEST_CASE("options of schedules: numbers behind =, or none") {
  CHECK(options({"--chaos=7", "prog"})->engine == std::vector<std::string>{"--chaos=7"});
  CHECK(options({"--chaos", "prog"})->engine.size() == 1);
  CHECK(options({"--chaos-until-failure", "prog"})->most_runs == 200);
  CHECK(options({"--chaos-until-failure=5", "--args", "prog", "-x"})->most_runs == 5);
  CHECK(program_command(*options({"--args", "prog", "-x"})) == std::vector<std::string>{"prog", "-x"});
  CHECK(program_command(*options({"prog", "core"})) == std::vector<std::string>{"prog"});
  for (const char* bad : {"--chaos=x", "--chaos=-1", "--chaos=18446744073709551616", "--chaos-until-failure=0",
                          "--chaos-until-failure=1.5", "--chaos-until-failure=1000001"}) {
    CAPTURE(bad);
    CHECK(!options({bad, "prog"}).has_value());
  }
  CHECK(!options({"--chaos-until-failure"}).has_value());  // no program
  CHECK(!options({"--chaos=1", "--no-record", "prog"}).has_value());
}
