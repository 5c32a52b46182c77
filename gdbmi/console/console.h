// gdb's command line: one command goes in, what gdb prints comes out, until it is ready for the next.
#pragma once
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "gdbmi/asio.h"
#include "gdbmi/console/gdb_process.h"

namespace fred {

class Console {
 public:
  enum class Source { output, error };

  /// Takes input, output and error of `gdb`. `prompt` is as in GdbCommand, ends in '>', and nothing else prints it.
  Console(asio::io_context& io, GdbProcess& gdb, std::string prompt);

  /// What gdb (or what it runs on its terminal) prints, as it comes.
  void on_output(std::function<void(Source, std::string_view)> handler) { on_output_ = std::move(handler); }
  /// Called when gdb's output ends within a line while a command runs: it may be a question ("(y or n) "), which one
  /// line answers.
  void on_question(std::function<void()> handler) { on_question_ = std::move(handler); }

  /// Runs the loop until gdb is ready. False: gdb has ended.
  bool wait_until_ready();
  /// Sends a command and waits until gdb is ready again.
  bool run(std::string_view line);
  /// Executes several lines as a script, in which what follows an error is not executed. False: there was one, or gdb
  /// has ended.
  bool run_script(std::string_view text);
  /// Bytes for what reads from gdb's terminal meanwhile: an answer to a question, keys for an editor.
  void type(std::string_view bytes);

  bool ready() const { return ready_; }
  bool alive() const { return alive_; }
  /// The end of gdb's output since the last newline; "" at the start of a line.
  const std::string& unfinished_line() const { return unfinished_; }
  /// There is output that has not been taken yet.
  bool output_waits();
  /// Something on gdb's terminal reads keys, not lines (an editor, gdb's TUI).
  bool reads_keys() const;
  /// As Ctrl-C does at a terminal: to gdb, or to what runs in the foreground of its terminal. Nothing without one.
  void interrupt_foreground();
  /// gdb may show its prompt once more than it is given commands (it does for a Ctrl-C that comes when its command is
  /// just done, and for a line typed ahead). The next `run` finds out before it ends.
  void expect_prompts() { uncertain_ = true; }
  void set_size(unsigned short rows, unsigned short columns);
  /// gdb is gone; what it printed before is read to the end first.
  void end();

  /// While it lives, output goes to the given string instead.
  class Capture {
   public:
    Capture(Console& console, std::string& text) : console_(console), outer_(std::exchange(console.captured_, &text)) {}
    ~Capture() { console_.captured_ = outer_; }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

   private:
    Console& console_;
    std::string* outer_;
  };

 private:
  struct Stream {
    asio::posix::stream_descriptor descriptor;
    Source source;
    std::array<char, 16384> chunk{};
    std::string held;  // what may become a word of ours
  };
  void read_more(Stream& stream);
  void read_rest(Stream& stream);
  void take(Stream& stream, std::string_view bytes);
  /// True: something was taken from the front of what is held, and there may be more.
  bool take_held(Stream& stream);
  /// What is held begins with a word of ours. False: more must come first.
  bool take_own_word(Stream& stream);
  std::vector<std::string_view> own_words() const;
  /// Goes on until every prompt that gdb will show has come.
  void settle();
  void take_waiting_errors();
  void print(Source source, std::string_view bytes);

  asio::io_context& io_;
  UniqueFd input_;
  Stream output_, error_;
  bool separate_errors_;
  std::string prompt_, success_, mark_;
  bool announced_ = false;   // gdb has told of the second interface
  std::string script_path_;  // of the script that runs: gdb's messages name it, ours do not
  std::function<void(Source, std::string_view)> on_output_;
  std::function<void()> on_question_;
  std::string* captured_ = nullptr;
  bool ready_ = false, alive_ = true, succeeded_ = false, uncertain_ = false;
  unsigned marks_sent_ = 0, marks_seen_ = 0;
  std::string unfinished_;
};

}  // namespace fred
