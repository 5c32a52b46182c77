// Lines from the user: edited with readline on a terminal, plain from anything else.
#pragma once
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gdbmi/asio.h"

namespace fred {

/// What can stand at the end of a line: `text` is the line up to the cursor, the results are words that may replace its
/// last word, which begins behind `word_start`.
using LineCompleter = std::function<std::vector<std::string>(std::string_view text, std::size_t word_start)>;

class LineReader {
 public:
  /// There is one at a time: readline is global.
  LineReader(asio::io_context& io, bool terminal);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  void set_completer(LineCompleter completer) { completer_ = std::move(completer); }
  /// A file that cannot be read or written is no error.
  void use_history(const std::string& path);
  void save_history();

  /// Shows the prompt and runs the loop until there is a line. Nothing: the input has ended, or stop() was called.
  std::optional<std::string> read(const std::string& prompt);
  bool reading() const { return reading_; }
  /// Throws away what has been typed, and begins anew.
  void drop_line();
  /// Ends read().
  void stop();
  /// Makes room for output while a line is edited, and shows the line again.
  void print_above(const std::function<void()>& print);
  void resized();
  /// Stops the process as Ctrl-Z does, with the terminal as it was before.
  void suspend();
  /// The next line of an input that is no terminal, without a prompt.
  std::optional<std::string> next_plain_line();

 private:
  static void take_line(char* line);
  static char** complete(const char* text, int start, int end);
  void wait_for_key();
  bool read_chunk();

  asio::io_context& io_;
  asio::posix::stream_descriptor input_;
  bool terminal_, reading_ = false, ended_ = false, waiting_ = false;
  bool initialized_ = false;  // readline can be asked to do things
  std::string history_, buffer_;
  int lines_added_ = 0;
  std::optional<std::string> line_;
  bool done_ = false;
  LineCompleter completer_;
};

}  // namespace fred
