// The user's terminal while no line is edited: it belongs to gdb's questions, to what runs on gdb's terminal (an
// editor, a program that gdb itself debugs), or to the program that the session runs.
#pragma once
#include <termios.h>

#include <functional>
#include <optional>

#include "gdbmi/asio.h"
#include "gdbmi/commands/travel_session.h"
#include "gdbmi/prompt/gdb_link.h"

namespace fred {

class UserTerminal final : public ProgramTerminal {
 public:
  UserTerminal(asio::io_context& io, bool terminal);
  ~UserTerminal() override;
  UserTerminal(const UserTerminal&) = delete;
  UserTerminal& operator=(const UserTerminal&) = delete;

  void use(GdbLink& gdb) { gdb_ = &gdb; }

  void lend(int process_group) override;
  void take_back() override;
  /// Signals of the terminal went to the program meanwhile: that its size has changed, too.
  void on_taken_back(std::function<void()> handler) { taken_back_ = std::move(handler); }

  /// While a command of gdb's runs. `reads`: it is known to read from the terminal itself (`shell`, `edit`).
  void command_begins(bool reads);
  void command_ends();
  /// gdb's output ends within a line.
  void question();
  /// A program that gdb itself debugs runs, or stops.
  void program_on_gdb_terminal(bool runs);

  unsigned short rows() const;
  unsigned short columns() const;

 private:
  void listen();
  void pass_on();
  /// Keys go on as they are typed if something on gdb's terminal wants them so; else lines, edited and echoed here.
  void adapt();
  void set_keys(bool on);
  bool surely_asked() const;
  void answer_if_asked(unsigned n);

  asio::io_context& io_;
  asio::posix::stream_descriptor input_;
  asio::steady_timer retry_;
  GdbLink* gdb_ = nullptr;
  std::function<void()> taken_back_;
  bool terminal_;
  termios own_modes_{};
  int program_ = 0;                       // the process group that the terminal was lent to last
  std::optional<termios> program_modes_;  // what it had made of the terminal; another begins with ours
  bool lent_ = false, command_ = false, keys_ = false, reads_ = false, listening_ = false;
  unsigned listened_ = 0;  // counts commands: an old wait is told from the present one
};

/// gdb prints this when it waits for an answer to a question, or for a line of a command of several.
bool is_known_question(std::string_view unfinished_line);

}  // namespace fred
