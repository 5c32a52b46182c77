// fred's commands within gdb itself: at plain gdb's prompt, in its TUI, in `define`, `commands` and scripts. gdb's
// Python (python/fred_gdb/commands.py) has a command for each row of the table and sends the line here; while the
// command is carried out, gdb waits for it, and what the command asks of gdb goes back the same way.
//
// The conversation: gdb's side sends `monitor fred REQUEST`, a JSON object, and gets one JSON object for each:
//   {"do": "run", "line": L, "width": W, "note": B}   -> the first of the answers below; note: the session keeps a
//                                                        record of this command (who else would?)
//   {"do": "go on"}, {"do": "answer", ...}            -> the next of them
//   {"do": "prompt"}                                  -> {}; gdb is about to show its prompt
//   {"do": "terminal", "path": P}                     -> {}; programs that are started get this terminal;
//                                                        {"error": TEXT} if they cannot
// Answers: {"print": TEXT}, {"console": COMMAND} (its output is wanted), {"gdb": COMMAND} (its output is for the user),
// {"busy": TEXT} (nothing yet; at least five times a second), {"done": true}, {"done": true, "error": TEXT}.
// A request with "interrupt": true ends the operation.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "gdbmi/asio.h"
#include "gdbmi/commands/command.h"

namespace fred {

class Helper {
 public:
  using Reply = std::function<void(const std::string&)>;

  /// `use_terminal` is told what the user's `tty` names.
  Helper(asio::io_context& io, TravelSession& session, std::function<void(std::string)> use_terminal);
  ~Helper();
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  /// `reply` is called once, perhaps much later; not after hung_up().
  void take(std::string_view request, Reply reply);
  /// gdb has gone; what runs ends.
  void hung_up();
  /// The table's rows for gdb's Python, a JSON array.
  static std::string rows();

 private:
  class Questions;
  class ShellOfGdb;
  class Interruption;
  friend class Questions;
  friend class ShellOfGdb;

  void run(const nlohmann::json& request);
  void note_gdb();
  Result<> execute(const nlohmann::json& request);
  /// What is the answer to the request that waits, or to the next one.
  bool say(const nlohmann::json& answer);
  /// As say; what gdb's side makes of it. Nothing: gdb has gone.
  std::optional<nlohmann::json> ask(const nlohmann::json& question);
  void remind();

  asio::io_context& io_;
  TravelSession& session_;
  std::function<void(std::string)> use_terminal_;
  std::unique_ptr<Interruption> interruption_;
  asio::steady_timer reminder_;
  Reply reply_;
  std::optional<nlohmann::json> answer_;
  std::optional<Time> shown_;  // where the last prompt was shown
  bool running_ = false, gone_ = false;
};

}  // namespace fred
