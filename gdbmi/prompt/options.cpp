#include "gdbmi/prompt/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "core/base/number.h"
#include "core/threads/chaos_runs.h"

namespace fred {

namespace {

enum class Treatment {
  flag,
  value,
  ex,
  x,
  batch,
  child_result,
  quiet,
  args,
  plain,
  native,
  attach,
  replay,
  chaos,
  until_failure,
  gdb,
  help,
  version,
  page,
  manual,
  helper,
  tui,
  refused
};

struct Option {
  std::string_view name;  // behind one dash or two
  Treatment treatment;
};

// gdb's options (flag, value: passed on), and fred's own.
constexpr Option known_options[] = {
    // clang-format off
    {"ex", Treatment::ex},                 {"eval-command", Treatment::ex},
    {"x", Treatment::x},                   {"command", Treatment::x},
    {"batch", Treatment::batch},           {"batch-silent", Treatment::batch},
    {"q", Treatment::quiet},               {"quiet", Treatment::quiet},          {"silent", Treatment::quiet},
    {"args", Treatment::args},             {"help", Treatment::help},            {"h", Treatment::help},
    {"version", Treatment::version},       {"v", Treatment::version},
    {"plain", Treatment::plain},           {"no-record", Treatment::native},
    {"replay-commands", Treatment::replay},
    {"chaos", Treatment::chaos},           {"chaos-until-failure", Treatment::until_failure},
    {"gdb", Treatment::gdb},               {"commands-page", Treatment::page},
    {"commands-manual", Treatment::manual},
    {"python-helper", Treatment::helper},
    {"nx", Treatment::flag},               {"n", Treatment::flag},               {"nh", Treatment::flag},
    {"readnow", Treatment::flag},          {"r", Treatment::flag},               {"readnever", Treatment::flag},
    {"write", Treatment::flag},            {"return-child-result", Treatment::child_result},
    {"nowindows", Treatment::flag},        {"nw", Treatment::flag},
    {"iex", Treatment::value},             {"init-eval-command", Treatment::value},
    {"ix", Treatment::value},              {"init-command", Treatment::value},
    {"eiex", Treatment::value},            {"early-init-eval-command", Treatment::value},
    {"eix", Treatment::value},             {"early-init-command", Treatment::value},
    {"cd", Treatment::value},              {"directory", Treatment::value},      {"d", Treatment::value},
    {"symbols", Treatment::value},         {"s", Treatment::value},
    {"exec", Treatment::value},            {"e", Treatment::value},              {"se", Treatment::value},
    {"core", Treatment::value},            {"c", Treatment::value},
    {"pid", Treatment::attach},            {"p", Treatment::attach},
    {"data-directory", Treatment::value},  {"D", Treatment::value},
    {"tty", Treatment::value},             {"b", Treatment::value},              {"l", Treatment::value},
    {"tui", Treatment::tui},               {"interpreter", Treatment::refused},  {"i", Treatment::refused},
    {"ui", Treatment::refused},            {"annotate", Treatment::refused},     {"fullname", Treatment::refused},
    // clang-format on
};

/// Exactly named, or the only one that begins so.
Result<const Option*> find_option(std::string_view name) {
  const Option* only = nullptr;
  if (const auto* exact = std::ranges::find(known_options, name, &Option::name); exact != std::end(known_options))
    return exact;
  for (const auto& o : known_options) {
    if (!o.name.starts_with(name)) continue;
    if (only != nullptr) return fail(fmt::format("option '-{}' is ambiguous", name));
    only = &o;
  }
  if (only == nullptr) return fail(fmt::format("unrecognized option '-{}'; see fred-gdb --help", name));
  return only;
}

bool takes_value(Treatment t) {
  return t == Treatment::value || t == Treatment::attach || t == Treatment::ex || t == Treatment::x ||
         t == Treatment::replay || t == Treatment::gdb;
}

/// The number behind the option's =, or nothing if there is none.
Result<std::optional<u64>> number(std::string_view option, std::string_view text, u64 least, u64 most) {
  if (text.empty()) return std::nullopt;
  const auto value = whole_number<u64>(text);
  if (!value || *value < least || *value > most) {
    return fail(fmt::format("option '--{}': '{}' is not a whole number from {} to {}", option, text, least, most));
  }
  return value;
}

Result<> apply(PromptOptions& all, const Option& option, std::string value) {
  switch (option.treatment) {
    case Treatment::flag:
      all.gdb_options.push_back(fmt::format("-{}", option.name));
      break;
    case Treatment::value:
      all.gdb_options.push_back(fmt::format("-{}", option.name));
      all.gdb_options.push_back(std::move(value));
      break;
    case Treatment::ex:
      all.commands.push_back({false, std::move(value)});
      break;
    case Treatment::x:
      all.commands.push_back({true, std::move(value)});
      break;
    case Treatment::batch:
      all.batch = true;
      break;
    case Treatment::child_result:
      all.child_result = true;
      all.gdb_options.push_back(fmt::format("-{}", option.name));
      break;
    case Treatment::quiet:
      all.quiet = true;
      break;
    case Treatment::args:
      all.program.emplace_back("--args");
      break;
    case Treatment::plain:
      all.plain = true;
      break;
    case Treatment::native:
      all.native = true;
      break;
    case Treatment::attach:
      // Once gdb has its target, which does it; as with gdb, before the other commands.
      all.commands.insert(all.commands.begin(), {false, "attach " + value});
      break;
    case Treatment::replay:
      all.replay = std::move(value);
      break;
    case Treatment::chaos: {
      const auto seed = number(option.name, value, 0, ~u64{0});
      if (!seed) return std::unexpected(seed.error());
      all.engine = {fmt::format("--chaos={}", seed->value_or(std::random_device{}()))};
      break;
    }
    case Treatment::until_failure: {
      const auto runs = number(option.name, value, 1, most_chaos_runs);
      if (!runs) return std::unexpected(runs.error());
      all.most_runs = runs->value_or(default_chaos_runs);
      break;
    }
    case Treatment::gdb:
      all.gdb = std::move(value);
      break;
    case Treatment::help:
      all.help = true;
      break;
    case Treatment::version:
      all.version = true;
      break;
    case Treatment::page:
      all.commands_page = true;
      break;
    case Treatment::manual:
      all.commands_manual = true;
      break;
    case Treatment::helper:
      all.python_helper = true;
      break;
    case Treatment::tui:
      all.gdb_options.emplace_back("-tui");
      all.tui = true;
      break;
    case Treatment::refused:
      return fail(fmt::format("option '-{}' needs gdb's own terminal: start fred-gdb --plain", option.name));
  }
  return {};
}

}  // namespace

Result<PromptOptions> parse_options(std::span<const char* const> words) {
  PromptOptions all;
  bool in_program = false;  // behind --args everything is the program's
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (in_program || !word.starts_with('-') || word == "-") {
      all.program.emplace_back(word);
      // gdb's own rule: behind --args the first word that is no option is the program, and the rest is its own.
      in_program = in_program || (!all.program.empty() && all.program.front() == "--args");
      continue;
    }
    auto name = word.substr(word.starts_with("--") ? 2 : 1);
    if (name.empty()) continue;  // "--" alone
    std::string value;
    const auto equals = name.find('=');
    if (equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    const auto option = find_option(name);
    if (!option) return std::unexpected(option.error());
    if (takes_value((*option)->treatment) && equals == std::string_view::npos) {
      if (++i == words.size()) return fail(fmt::format("option '{}' requires an argument", word));
      value = words[i];
    }
    if (auto ok = apply(all, **option, std::move(value)); !ok) return std::unexpected(ok.error());
  }
  if (all.native && (all.most_runs || !all.engine.empty()))
    return fail("chaos is of recorded programs: not with --no-record");
  if (all.most_runs && program_command(all).empty()) return fail("option '--chaos-until-failure' needs a program");
  if (all.tui && !all.plain) return fail("option '-tui' needs gdb's own terminal: add --plain");
  return all;
}

std::vector<std::string> program_command(const PromptOptions& options) {
  const auto& words = options.program;
  if (words.empty()) return {};
  if (words.front() == "--args") return {words.begin() + 1, words.end()};
  return {words.front()};
}

std::string options_help() {
  return R"(fred-gdb: gdb with time travel, on unmodified programs

Usage: fred-gdb [OPTIONS] [PROGRAM [CORE]]
       fred-gdb [OPTIONS] --args PROGRAM ARGS...

  --args                  what follows is the program and its arguments
  -ex, --eval-command CMD execute a command, gdb's or fred's; may be given several times
  -x, --command FILE      execute the commands in FILE
  -iex CMD, -ix FILE      the same, before the program is loaded (gdb's commands only)
  --batch                 no prompt: exit after the commands, with status 1 if the last one failed
  --return-child-result   else with the program's exit status, if it has come to its end
  --replay-commands FILE  execute a history that `history save` wrote, and compare every stop
  --chaos[=SEED]          threads run for random slices, in random order; the same seed makes the same choices
  --chaos-until-failure[=N]  first run the program so with one seed after another until it fails, at most N times
                          (default 200), then debug it with the seed of that run
  --plain                 gdb's own prompt and TUI, connected to a fred session
  --no-record             no time travel: gdb debugs by itself
  --gdb PATH              the gdb to use (at least version 12)
  -p, --pid PID           attach to a running process: its history begins there
  -q, -nx, -nh, -cd DIR, -d DIR, -s FILE, -e FILE, -c CORE and more: as gdb's

At the prompt, `help fred` lists the commands that travel in time.
)";
}

}  // namespace fred
