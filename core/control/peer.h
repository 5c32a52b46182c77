// The session's end of the control socket of one engine process: live, a snapshot or a worker.
#pragma once
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/control/condition.h"
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
  /// The conditions that hold here, having got here by running: with reason `hit`, or with `reached` where the goal
  /// is a Time at which a break, a system call or a signal is about to happen (a change that is watched and a system
  /// call that has just been made always give `hit`).
  std::vector<Hit> hits;
};

/// A signal that is delivered next, unless the session wants otherwise.
struct WaitingSignal {
  int number = 0;
  bool fault = false;           // raised by the instruction at pc (phase 1)
  std::vector<u8> signal_info;  // siginfo_t
};

class Peer {
 public:
  Peer() = default;
  Peer(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid() const { return pid_; }
  /// It was not known before.
  void set_pid(pid_t pid) { pid_ = pid; }
  int socket() const { return socket_.get(); }
  bool is_open() const { return socket_.get() >= 0; }
  /// The process ends.
  void close() { socket_ = UniqueFd{}; }

  /// Sends without waiting for the answer, whose tag is returned.
  Result<u32> send(Message m, int descriptor = -1);
  /// The answer to `tag`. What comes before it that answers nothing goes to the handler of others.
  Result<Message> wait(u32 tag);
  /// The same where the answer is at_time: with its hits.
  Result<Standing> wait_standing(u32 tag);
  /// What an answer says that came to the handler of others.
  Standing standing_of(const Message& at_time);
  /// A refusal, a divergence and a process that has gone are Errors.
  Result<Message> ask(Message m, int descriptor = -1);
  /// With a descriptor that may have come with it.
  using Others = std::function<void(const Message&, UniqueFd)>;
  void on_other(Others handler) { on_other_ = std::move(handler); }
  /// Takes what has come without being asked for. False: there is nobody at the other end any more.
  bool drain();

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
  Result<Standing> run_ticks(u64 n) { return go({.kind = MessageKind::run_ticks, .number = {n}}); }
  Result<Standing> step(u64 n) { return go({.kind = MessageKind::step, .number = {n}}); }
  Result<Standing> run_on() { return go({.kind = MessageKind::run_on}); }
  Result<Standing> now() { return go({.kind = MessageKind::now}); }
  /// Of one thread; 0: of the one that runs.
  Result<Registers> registers(ThreadId thread = 0);
  Result<std::vector<u8>> vector_state(ThreadId thread = 0);
  /// What is readable of it, from the first byte on.
  Result<std::vector<u8>> memory(GuestAddr at, u64 size);
  /// Breaks apart from the conditions: the hit of one has no id (core/dispatch/run_control.h).
  Result<> set_break(GuestAddr at, bool on);

  /// Running stops where one holds from now on. They replace those given before; none: none. The snapshots and
  /// workers of this process begin without any.
  Result<> set_conditions(const std::vector<Condition>& conditions);
  /// A worker re-executes to `to` without stopping: a Note for each condition, in their order. Hits where it stands
  /// count, hits at `to` do not (a watch hit belongs to its `at`). Interrupted: an Error, EINTR.
  Result<std::vector<Note>> collect(const Time& to);
  /// A worker executes instruction by instruction up to `to`: the last `most` points before it, ascending.
  /// Interrupted: an Error, EINTR.
  Result<std::vector<TracePoint>> trace(const Time& to, u64 most);
  // The same in two steps: send() a command, take its answer from wait() or the handler of others.
  static Message collect_message(const Time& to);
  static Message trace_message(const Time& to, u64 most);
  Result<std::vector<Note>> notes_of(const Message& answer);
  Result<std::vector<TracePoint>> trace_points_of(const Message& answer);

  // Changes. At the tip they are part of the recording, and each ticks. In a worker they are thrown away with it: it
  // has no history from then on: where it would need the recording it stops with history_end (is_edited() is true).
  /// All or nothing; write protections of the guest do not matter.
  Result<> write_memory(GuestAddr at, std::span<const u8> bytes);
  Result<> set_registers(const Registers& registers);
  /// As vector_state() gives it.
  Result<> set_vector_state(std::span<const u8> area);
  /// At the tip: what becomes of the signal that is about to be delivered, or a signal for the guest where none is.
  /// Live, when it goes on: this thread alone (0: any); with `unless_waits` others while it waits.
  Result<> run_alone(ThreadId thread, bool unless_waits);
  /// It is delivered when the guest goes on. number 0: none. Without `signal_info`: as kill() from the debugger.
  Result<> set_signal(int number, std::span<const u8> signal_info = {});
  /// Of the signal that is about to be delivered.
  Result<> set_signal_info(std::span<const u8> signal_info);

  // What the guest is like where it stands.
  Result<std::optional<GuestAddr>> search_memory(GuestRange range, std::span<const u8> pattern);
  Result<std::vector<u8>> auxv();
  /// As in /proc/PID/maps.
  Result<std::string> mappings();
  Result<std::string> exe();
  /// Each argument with a byte 0 behind it.
  Result<std::string> args();
  Result<std::optional<WaitingSignal>> waiting_signal();
  /// The number of the system call that is executed next or has just been; none: pc is not at one.
  struct AtSystemCall {
    u32 number = 0;
    bool returned = false;
  };
  Result<std::optional<AtSystemCall>> at_system_call();
  Result<bool> is_edited();
  Result<ThreadId> thread();
  Result<std::vector<ThreadFact>> threads();

 private:
  Result<Standing> go(const Message& m);
  Result<Peer> fork_of(MessageKind kind);
  /// The next message that is a whole answer or report.
  struct Received {
    Message message;
    UniqueFd descriptor;
  };
  Result<Received> next_message();
  /// Sends a command whose text may be longer than one message.
  Result<u32> send_long(Message m, std::span<const u8> text);
  /// For commands that are answered by done.
  Result<> order(Message m, std::span<const u8> text);
  Result<Message> describe(GuestFact fact);
  /// The text of an answer, with the parts that came before it.
  std::vector<u8> take_text(const Message& answer);

  pid_t pid_ = -1;
  UniqueFd socket_;
  u32 last_tag_ = 0;
  std::map<u32, std::vector<u8>> parts_;  // of answers that are still coming, by tag
  Others on_other_;
};

}  // namespace fred
