// The prompt of fred-gdb: lines come in, fred's commands are carried out, everything else is gdb's.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "gdbmi/commands/command.h"
#include "gdbmi/commands/table.h"
#include "gdbmi/prompt/gdb_link.h"
#include "gdbmi/prompt/interrupt.h"
#include "gdbmi/prompt/line_reader.h"
#include "gdbmi/prompt/options.h"
#include "gdbmi/prompt/prompt_format.h"
#include "gdbmi/prompt/questions.h"
#include "gdbmi/prompt/search_progress.h"
#include "gdbmi/prompt/user_terminal.h"

namespace fred {

class Prompt final : public Shell {
 public:
  /// The session must outlive it.
  Prompt(asio::io_context& io, TravelSession& session, PromptOptions options);

  /// The exit status of fred-gdb.
  int run();

  // Shell, for the handlers
  void print(std::string_view text) override;
  void print_pages(std::string_view text) override;
  bool gdb(std::string_view line) override;
  bool comes_back() const override { return session_.owns_program(); }
  std::vector<std::string> gdb_completions(std::string_view text) override;
  Result<> run_file(const std::string& path) override;
  Result<> set_prompt_format(std::string_view format) override;
  std::string prompt_format() const override { return format_; }
  unsigned width() const override;
  Progress& progress() override;

 private:
  /// How gdb gets a command: as if typed, or so that an error is noticed (then gdb asks nothing).
  enum class Way { typed, checked };

  Result<> start_gdb();
  Result<> run_session_commands();
  bool run_start_commands();
  Result<> replay(const std::string& path);
  void run_lines();
  int finish(int status);

  /// False: it failed.
  bool execute(std::string_view line, Way way);
  bool give_to_gdb(std::string_view line, Way way);
  void say_error(std::string_view message);
  std::string prompt_text();
  std::vector<std::string> complete(std::string_view text, std::size_t word_start);

  void take_event(const mi::AsyncRecord& event);
  void take_output(Console::Source source, std::string_view bytes);
  void answer_without_terminal();
  /// Something set a value of gdb's that the link to it needs.
  void keep_setting(const std::string& command);
  void wait_for_interrupt();
  void wait_for_signal();
  void resized();
  void tell_size();

  asio::io_context& io_;
  TravelSession& session_;
  PromptOptions options_;
  bool terminal_;
  Interrupt interrupt_;
  asio::posix::stream_descriptor interrupted_;
  asio::signal_set signals_;
  asio::steady_timer asking_;
  UserTerminal user_terminal_;
  LineReader reader_;
  SearchProgress progress_;
  std::unique_ptr<GdbLink> gdb_;
  std::unique_ptr<MiQuestions> questions_;
  std::string format_{default_prompt_format};
  std::string last_line_;
  Way way_ = Way::typed;   // of the command that is executed
  u64 lines_printed_ = 0;  // of the session's own
  bool last_repeats_ = false, last_was_ours_ = false, own_operation_ = false, waits_for_interrupt_ = false;
  bool gdb_failed_ = false;  // a command that a handler gave to gdb
  int ended_by_ = 0;         // a signal
};

}  // namespace fred
