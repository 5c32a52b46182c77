// Carries out what the session asks of one engine process (commands.def), in live and in workers.
#pragma once
#include "core/control/report.h"
#include "core/dispatch/run_control.h"

namespace fred {

class Controller {
 public:
  /// Both must outlive it. A process has one controller; it answers requests while the guest runs.
  Controller(GuestEngine& engine, Reporter& reporter);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// If the session goes, the guest goes on without it, unrecorded, as one that was attached to does anyway.
  void outlive_session() { outlives_session_ = true; }
  /// Answers commands, while the guest stands, until `resume`. `quit`, or a session that is gone, ends the process.
  void serve();
  /// The same of a child that stands where it begins, which the session has not asked for: it is told.
  void serve_held();

 private:
  /// Looks at what has come while the guest runs. True: it is to stop.
  bool answer_request();
  bool outlives_session() const;
  bool is_to_leave(const Result<Message>& m);
  void leave();
  /// False: the command leaves serve().
  bool carry_out(const Message& m, int descriptor);
  void stand(StopReason reason, u32 tag);
  void reply(Message m, u32 tag);
  /// The one that the command names; null: there is none, and the command has been refused.
  const GuestThread* thread_of(const Message& m);
  void refuse(u32 tag, const char* why, int error = 0);
  void snapshot(u32 tag, int descriptor);
  void verify(u64 until, u32 tag);
  void read_memory(GuestAddr at, u64 size, u32 tag);
  // Commands with values of any length (controller_values.cpp).
  /// False: the command is none of those.
  bool carry_out_value(const Message& m, std::span<const u8> text);
  void reply_long(Message m, std::span<const u8> text, u32 tag);
  void done(const Result<>& result, u32 tag);
  void set_conditions(std::span<const u8> text, u32 tag);
  void collect(const Time& to, u32 tag);
  void trace(const Time& to, u64 most, u32 tag);
  void search(GuestRange range, std::span<const u8> pattern, u32 tag);
  void set_signal(int number, std::span<const u8> info, u32 tag);
  void describe(GuestFact fact, u32 tag);

  GuestEngine& engine_;
  Reporter& reporter_;
  RunControl run_;
  bool outlives_session_ = false;
  std::vector<u8> parts_;  // of the text of the next command
};

}  // namespace fred
