// What an engine process tells its session without being asked.
#pragma once
#include <span>

#include "core/attach/adopted_state.h"
#include "core/control/message.h"
#include "core/dispatch/guest_engine.h"

namespace fred {

/// How a worker's re-execution went.
struct Verification {
  u64 events = 0, ticks = 0, nanoseconds = 0;
  bool broken_off = false;  // the log ends before the guest does
};

class Reporter {
 public:
  /// socket: -1 if nobody listens; everything is then dropped.
  explicit Reporter(int socket) { move_to(socket); }

  void started();
  /// The same of a program that was taken over: where its other threads enter (core/attach/).
  void taken_over(std::span<const ThreadEntry> entries);
  void start_failed(const std::string& why = {});
  void deadlock(const std::string& text);
  void failed(const std::string& line);
  void ended(GuestEngine& engine, const GuestEnd& end);
  void verified(const Verification& v, u32 tag);
  /// Tells and ends the process.
  [[noreturn]] void diverged(const Divergence& d);

  void send(Message m);
  int socket() const { return socket_; }
  /// A forked child has a session's socket of its own.
  void move_to(int socket);
  /// Nobody listens any more.
  void close();

 private:
  void say(MessageKind kind, const std::string& text);

  int socket_ = -1;
};

}  // namespace fred
