// Talks GDB/MI over one descriptor: commands get tokens, results find who asked, events and text go to handlers.
#pragma once
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "core/base/error.h"
#include "core/memory/unique_fd.h"
#include "gdbmi/asio.h"
#include "gdbmi/mi/record.h"

namespace fred::mi {

class Driver {
 public:
  using OnResult = std::function<void(Result<ResultRecord>)>;

  /// Takes the descriptor, a pty's master or a socket.
  Driver(asio::io_context& io, UniqueFd fd);

  /// Called for every event, in the order of gdb's.
  void on_event(std::function<void(const AsyncRecord&)> handler) { on_event_ = std::move(handler); }
  /// Called for text that no ask_console() collects.
  void on_text(std::function<void(const StreamRecord&)> handler) { on_text_ = std::move(handler); }
  /// Called once, when gdb is gone.
  void on_end(std::function<void()> handler) { on_end_ = std::move(handler); }

  /// Sends a command ("-exec-run"); `then` gets its result, or an Error if gdb refuses it (the message is gdb's) or is
  /// gone before it answers.
  void send(std::string_view command, OnResult then);
  /// send(), and runs the loop until the answer is there: other handlers run meanwhile, and may ask themselves.
  Result<Value> ask(std::string_view command);
  /// What a command of gdb's command line prints when executed here. It must not make the program run.
  Result<std::string> ask_console(std::string_view command);

  bool alive() const { return alive_; }
  /// gdb is gone: everyone who waits is told. The reason is one line for the user.
  void end(const std::string& reason);

 private:
  void read_more();
  void write_more();
  bool take_next_line();
  void take_line(std::string_view line);
  void take(ResultRecord result);

  asio::io_context& io_;
  asio::posix::stream_descriptor stream_;
  std::array<char, 16384> chunk_{};
  std::string input_;
  std::deque<std::string> output_;  // front(): being written
  Token next_ = 1;
  std::map<Token, OnResult> waiting_;
  std::string* collecting_ = nullptr;
  std::function<void(const AsyncRecord&)> on_event_;
  std::function<void(const StreamRecord&)> on_text_;
  std::function<void()> on_end_;
  bool alive_ = true;
  std::string reason_ = "gdb is gone";
};

}  // namespace fred::mi
