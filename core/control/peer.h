// The session's end of the control socket of one engine process: live, a snapshot or a worker.
#pragma once
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/control/message.h"
#include "core/memory/unique_fd.h"

namespace fred {

/// Where an engine process stands, as it says with `at_time`.
struct Standing {
  Time time;
  u64 reason = 0;  // StopReason (core/dispatch/run_control.h)
  u64 event = 0;   // the number of the next event
  u64 signal_or_status = 0;
  bool by_signal = false;
};

class Peer {
 public:
  Peer() = default;
  Peer(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid() const { return pid_; }
  int socket() const { return socket_.get(); }
  bool is_open() const { return socket_.get() >= 0; }
  /// The process ends.
  void close() { socket_ = UniqueFd{}; }

  /// Sends without waiting for the answer, whose tag is returned.
  Result<u32> send(Message m, int descriptor = -1);
  /// The answer to `tag`. What comes before it that answers nothing goes to the handler of others.
  Result<Message> wait(u32 tag);
  /// A refusal, a divergence and a process that has gone are Errors.
  Result<Message> ask(Message m, int descriptor = -1);
  void on_other(std::function<void(const Message&)> handler) { on_other_ = std::move(handler); }
  /// Takes what has come without being asked for.
  void drain();

  /// A running process looks at its socket now.
  void prod() const;
  /// Stops a running process: it answers the command that runs it.
  Result<> interrupt();

  // Commands. -------------------------------------------------------------------------------------------
  Result<Peer> snapshot();  // of one that stands
  Result<Peer> worker();    // of a snapshot
  /// Of a running live: the answer comes with `tag`, through wait() or the handler of others.
  struct Pending {
    UniqueFd socket;
    u32 tag;
  };
  Result<Pending> ask_for_snapshot();
  /// Writes what `fred-engine rebuild` starts from.
  Result<> save(const std::string& path);
  Result<Standing> run_to(const Time& t);
  Result<Standing> run_ticks(u64 n) { return go(MessageKind::run_ticks, n); }
  Result<Standing> step(u64 n) { return go(MessageKind::step, n); }
  Result<Standing> run_on() { return go(MessageKind::run_on, 0); }
  Result<Standing> now() { return go(MessageKind::now, 0); }
  Result<Registers> registers();
  Result<std::vector<u8>> vector_state();
  /// What is readable of it, from the first byte on.
  Result<std::vector<u8>> memory(GuestAddr at, u64 size);
  Result<> set_break(GuestAddr at, bool on);

 private:
  Result<Standing> go(MessageKind kind, u64 n);
  Result<Peer> fork_of(MessageKind kind);

  pid_t pid_ = -1;
  UniqueFd socket_;
  u32 last_tag_ = 0;
  std::function<void(const Message&)> on_other_;
};

Standing standing(const Message& at_time);

}  // namespace fred
