// fred's own commands are rows of one table (table.cpp); a handler calls the session and lets gdb show where one is.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "gdbmi/commands/travel_session.h"

namespace fred {

/// What a handler does besides calling the session; the prompt implements it.
class Shell {
 public:
  virtual ~Shell() = default;
  virtual void print(std::string_view text) = 0;
  /// For what can be longer than the screen: page by page, as gdb's own output.
  virtual void print_pages(std::string_view text) { print(text); }
  /// gdb executes a command, its output appears. False: gdb is gone.
  virtual bool gdb(std::string_view line) = 0;
  /// A command that gdb is given comes back as a command of fred's, from within gdb.
  virtual bool comes_back() const { return false; }
  /// All of gdb's commands (or what else may stand there) that begin with a text, as gdb's completer gives them.
  virtual std::vector<std::string> gdb_completions(std::string_view text) = 0;
  /// Executes the lines of a file, fred's commands and gdb's, to the first that fails.
  virtual Result<> run_file(const std::string& path) = 0;
  virtual Result<> set_prompt_format(std::string_view format) = 0;
  virtual std::string prompt_format() const = 0;
  virtual unsigned width() const = 0;
  /// For one operation: it starts without an interrupt and shows nothing until it takes long.
  virtual Progress& progress() = 0;
};

struct CommandContext {
  TravelSession& session;
  GdbQuestions& questions;
  Shell& shell;
};

struct Command {
  enum class Group : u8 { reverse, travel, search, marks, history, checkpoints, prompt, fred };
  using Handler = Result<> (*)(CommandContext&, std::string_view arguments);

  std::string_view name;  // one word, or two with gdb's "info", "delete", "set", "show" in front
  std::vector<std::string_view> aliases;
  Group group{};
  std::string_view arguments;  // as in the help: "[N]"
  std::string_view summary;    // a sentence with its full stop
  std::string_view help;       // further lines, or ""
  bool repeats = false;        // an empty line does it again
  Handler handler = nullptr;
};

/// The heading of a group.
std::string_view title(Command::Group group);

}  // namespace fred
