// gdb as the prompt sees it: the child, its console, its MI interface, and its end.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gdbmi/console/console.h"
#include "gdbmi/mi/driver.h"

namespace fred {

class GdbLink {
 public:
  /// Starts gdb; it is not ready yet.
  static Result<std::unique_ptr<GdbLink>> start(asio::io_context& io, GdbCommand command);
  ~GdbLink();
  GdbLink(const GdbLink&) = delete;
  GdbLink& operator=(const GdbLink&) = delete;

  Console& console() { return console_; }
  mi::Driver& mi() { return mi_; }
  bool alive() const { return alive_; }
  /// Ctrl-C: what gdb does is interrupted, or the program that it waits for.
  void interrupt();
  /// Has gdb end what it debugs and itself.
  void hang_up() const;
  /// What gdb's own prompt must be set to.
  const std::string& prompt_word() const { return prompt_; }
  /// Called when gdb has ended.
  void on_end(std::function<void()> handler) { on_end_ = std::move(handler); }
  /// Its wait status, when it has ended.
  int status() const { return status_; }
  /// gdb waits for something, and computes nothing.
  bool sleeps() const;

 private:
  GdbLink(asio::io_context& io, GdbProcess gdb, const GdbCommand& command);

  GdbProcess gdb_;
  std::string prompt_;
  bool terminal_;
  Console console_;
  mi::Driver mi_;
  asio::posix::stream_descriptor ended_;
  std::function<void()> on_end_;
  bool alive_ = true;
  int status_ = 0;
};

/// "gdb was killed by signal 11 (Segmentation fault)"; "" if it has exited by itself.
std::string bad_end(int wait_status);

}  // namespace fred
