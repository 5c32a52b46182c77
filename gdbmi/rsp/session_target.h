// The session as the target of the remote protocol: gdb's points become conditions, its motions the session's.
#pragma once
#include <array>
#include <deque>
#include <map>

#include "gdbmi/rsp/child_result.h"
#include "gdbmi/rsp/target.h"
#include "reverse/session/session.h"
#include "reverse/timeline/hit_search.h"

namespace fred::remote {

/// As gdb's `catch` names them; by ProcessCondition::Event.
inline constexpr std::array<std::string_view, 3> process_event_names{"fork", "vfork", "exec"};

class SessionTarget final : public Target {
 public:
  /// `surroundings`: where the program's standard input and output go, and whether it gets a group of its own; the rest
  /// of it comes from gdb.
  SessionTarget(Session& session, Launch surroundings);

  struct Jump {
    Time to;
    std::vector<Hit> hits;  // what gdb is told
  };
  /// The next motions, whatever gdb calls them, end at these Times of history.
  void jump_next(std::vector<Jump> jumps) { jumps_ = {jumps.begin(), jumps.end()}; }
  bool jump_waits() const { return !jumps_.empty(); }
  /// Told of these, gdb has made a step of `stepi`. After a system call that does not stop it it goes on with the same.
  bool ends_step(const std::vector<Hit>& hits) {
    return !std::holds_alternative<StoppedAtSyscall>(event_of_hits(hits));
  }
  /// Called when another program has been started.
  void on_started(std::function<void()> handler) { started_ = std::move(handler); }
  /// Called when live begins to run, and when it has stopped.
  void on_live(std::function<void(bool runs)> handler) { live_ = std::move(handler); }
  /// Who answers what gdb's Python asks, and hears that gdb has gone.
  struct Correspondent {
    std::function<void(std::string_view request, std::function<void(const std::string&)> reply)> take;
    std::function<void()> hung_up;
  };
  void on_requests(Correspondent correspondent) { correspondent_ = std::move(correspondent); }
  /// The session has been moved: gdb's registers are read anew.
  void moved() {
    kept_info_.clear();
    if (moved_) moved_();
  }
  /// The last point before `from` at which this thread (0: the running one) was to execute an instruction.
  Result<std::optional<Time>> last_point_of(ThreadId thread, const Time& from);
  void own_group(bool on) { surroundings_.own_group = on; }
  /// Of the programs that are started from now on; "": fred's own.
  void use_terminal(std::string path) { surroundings_.terminal = std::move(path); }
  bool has_own_terminal() const { return !surroundings_.terminal.empty(); }
  /// Called when gdb detaches: the program goes on, and `ended` is called at its end.
  void on_detached(std::function<void(ProgramEnd)> ended) { detached_ = std::move(ended); }

  /// Called when another process is the current one.
  void on_selected(std::function<void()> handler) { selected_ = std::move(handler); }
  /// The next process that gdb attaches to is this one of the recording.
  void attach_next(u32 number) { attach_next_ = number; }

  bool has_program() const override { return session_.has_program(); }
  Result<> start(const StartRequest& request) override;
  Result<> attach(i64 process) override;
  bool is_attached() const override { return session_.is_attached(); }
  void kill() override;
  void detach() override;
  i64 process_id() const override { return session_.pid(); }
  std::vector<ThreadFact> threads() override { return threads_of(process_id()); }

  bool is_recorded(i64 process) override;
  Result<> select(i64 process) override;
  void let_go(i64 process) override;
  std::vector<ThreadFact> threads_of(i64 process) override;
  void report_processes(bool on) override { reports_processes_ = on; }

  void resume(const ResumeRequest& request, std::function<void(StopEvent)> stopped) override;
  bool has_jumped() const override { return jumped_; }
  void interrupt() override { session_.interrupt(); }
  Result<> insert(i64 process, const Point& point) override;
  Result<> remove(i64 process, const Point& point) override;
  void pass_signals(std::vector<int> signals) override { passed_ = std::move(signals); }
  void catch_syscalls(bool on, std::vector<u32> numbers) override;

  Result<RegisterState> registers(ThreadId thread = 0) override;
  Result<> set_registers(const RegisterState& state) override;
  Result<std::vector<u8>> memory(GuestAddr at, u64 size) override;
  Result<> write_memory(GuestAddr at, std::span<const u8> bytes) override;
  Result<std::optional<GuestAddr>> search_memory(GuestRange range, std::span<const u8> pattern) override;
  Result<std::vector<u8>> auxv() override;
  Result<std::string> executable() override;
  Result<std::vector<u8>> signal_info() override;
  Result<> write_signal_info(u64 offset, std::span<const u8> bytes) override;
  std::optional<std::string> process_file(i64 process, std::string_view name) override;
  void lines_sent(u64 count) override { lines_sent_ += count; }
  u64 all_lines_sent() const { return lines_sent_; }
  /// Why the last program could not be started or attached to, once: gdb has no words for it. Empty: it could.
  std::string take_why_not_begun() { return std::exchange(why_not_begun_, {}); }
  const ChildResult& child_result() const { return child_result_; }
  std::string monitor(std::string_view command) override;
  bool converse(std::string_view command, std::function<void(const std::string&)> reply) override;
  void hung_up() override;
  void on_moved(std::function<void()> handler) override { moved_ = std::move(handler); }
  void on_notice(std::function<void(const std::string&)> handler) override;

  /// Which stop gdb's `bc`.
  void catch_backwards(std::vector<ProcessCondition::Event> events) { caught_backwards_ = std::move(events); }
  /// gdb is about to let the program go on, and would step because it watches these registers: until end_free_run(), or
  /// `monitor end-free-run`, a step goes on until one of them changes.
  void begin_free_run(std::vector<Gpr> registers) { free_run_ = std::move(registers); }
  void end_free_run() { free_run_.clear(); }
  bool runs_freely() const override { return !free_run_.empty(); }
  void command_begins() { command_ = ++commands_; }
  void command_ends() { command_ = 0; }
  u64 command() const override { return command_; }
  /// What stands for a watch of this register, in this thread.
  static Condition register_condition(Gpr gpr, ThreadId thread);
  /// The conditions that stand for gdb's points, caught system calls and signals. While gdb steps it wants to hear of
  /// passed signals too: it steps over their handlers.
  enum class For : u8 { going, stepping, going_back, everything };
  std::vector<Condition> conditions(For what = For::going_back) const;

 private:
  Result<> begin(const std::function<Result<>()>& make);
  Result<> open(u32 number, Session::OpenAt at);
  /// The one that shows this process of the recording, which need not be the current one.
  Result<Peer*> peer_of(i64 process);
  std::optional<StopEvent> event_of_fork(const Hit& hit);
  StopEvent event_of_all(const std::vector<Hit>& hits);
  ThreadId running_thread();
  StopEvent go_back(const std::vector<Condition>& also = {});
  std::vector<Condition> watched_registers(ThreadId thread);
  StopEvent step_back(ThreadId thread);
  StopEvent go_in_history(const Forward& how);
  void go_on(const ResumeRequest& request, const Forward& how, std::span<const u8> kept_info,
             std::function<void(StopEvent)> stopped);
  std::optional<int> passed_signal_here();
  void tell_if_unsent(int signal);
  Result<> take_signal(std::optional<int> wanted, std::span<const u8> kept_info);
  StopEvent event_of(const Result<RunStop>& stop);
  bool only_unknown_children(const Result<RunStop>& stop);
  StopEvent event_of_hits(const std::vector<Hit>& hits);
  StopEvent event_of_tip();
  StopEvent event_of_end();
  bool stops_at(int signal) const;
  StopEvent back_over_exec(const Hit& executed);
  StopEvent failed_event(const Error& error);
  const Point* point_of(ConditionId id) const;
  void tell(const std::string& line);

  Session& session_;
  Launch surroundings_;
  std::function<void(ProgramEnd)> detached_;
  std::function<void(const std::string&)> notice_;
  std::map<i64, std::map<Point, ConditionId>> points_;  // by process
  u32 last_id_;
  std::vector<int> passed_;
  std::vector<u8> kept_info_;  // written where no signal waits: of the one with which gdb goes on next
  bool catching_ = false;
  std::vector<u32> caught_;
  std::deque<Jump> jumps_;
  bool jumped_ = false;
  Correspondent correspondent_;
  std::function<void()> started_, moved_, selected_;
  bool reports_processes_ = false;
  std::vector<ProcessCondition::Event> caught_backwards_;
  std::vector<Gpr> free_run_;
  u64 command_ = 0, commands_ = 0;
  std::optional<u32> attach_next_;
  std::optional<StopEvent> next_event_;  // at the Time of the last one, where several were due
  std::function<void(bool)> live_;
  std::optional<HitSearch> search_;  // remembers what history was asked before
  u64 lines_sent_ = 0;
  std::string why_not_begun_;
  ChildResult child_result_;
};

}  // namespace fred::remote
