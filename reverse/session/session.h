// The owner of one debugged program: of live, which runs it, of the snapshots and of the workers that re-execute it.
// It has a position in the program's history, and a process that shows the program there: live at the tip, a worker
// in the past. Everything is used from the one thread that runs the io_context, and everything ends with the session.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/process_list.h"
#include "cli/recording_folder.h"
#include "core/tree/recorded_tree.h"
#include "reverse/execution.h"
#include "reverse/session/attention.h"
#include "reverse/session/children.h"
#include "reverse/session/launch.h"
#include "reverse/session/live.h"
#include "reverse/session/passed_changes.h"
#include "reverse/session/snapshot_set.h"
#include "reverse/session/tip_changes.h"

namespace fred {

struct SessionOptions {
  std::vector<std::string> engine;  // options passed to the engine
  bool snapshots = true;            // more than the first
};

/// How the program ends, or ended.
struct ProgramEnd {
  bool by_signal = false;
  int status = 0;     // exit status or signal
  bool gone = false;  // live has been killed from outside: only history is left
};

/// How far the program is to go forward.
struct Forward {
  std::vector<Condition> conditions;
  u64 steps = 0;                                     // instructions; 0: until something stops it
  std::optional<GuestRange> stay_in = std::nullopt;  // instead: instructions as long as pc is in here
  ThreadId thread = 0;                               // whose steps; 0: the running thread's
  struct Alone {
    ThreadId thread = 0;        // no other one runs; 0: all do
    bool unless_waits = false;  // but while it waits
    bool operator==(const Alone&) const = default;
  };
  Alone alone = {};  // of live: history's threads run as they did
};

/// What a standing process says, as the answer of an Execution.
RunStop run_stop(const Standing& s);

class Session final : public Execution {
 public:
  Session(boost::asio::io_context& io, SessionOptions options);
  ~Session() override;

  // The program's life. -----------------------------------------------------------------------------------
  /// Starts a program; one that there was is killed and its history is gone. It stands at its first instruction.
  Result<> start(const Launch& launch);
  /// Takes over a program that runs (docs/ATTACH.md): its history begins there. What there was is gone, as with
  /// start().
  Result<> attach(pid_t pid);
  bool has_program() const { return program_ != nullptr; }
  bool has_recording() const { return recording_ != nullptr; }
  bool is_attached() const;
  void kill();
  /// The session has no program any more: one that was attached to goes on, another one is killed.
  void drop();
  /// Recording goes on without stops; `ended` is called when the program has ended. Its history is gone. One that was
  /// attached to goes on without the session, unrecorded, and nobody is called.
  void detach(std::function<void(ProgramEnd)> ended);
  bool is_detached() const;
  /// The process id that the program sees.
  pid_t pid() const;
  /// Its name as the kernel has it, and its arguments.
  std::string comm() const;
  const std::vector<std::string>& args() const;
  /// The program's end, if live stands at it or has gone.
  const std::optional<ProgramEnd>& end() const;

  // The processes of the recording, of which one is the program that everything else is about. --------------
  /// All that have begun: the one that was started, its children and theirs, as far as they are recorded.
  std::vector<const RecordedProcess*> processes();
  /// The one with this process id: of several the one that is open, else the last. It may be about to begin. Null:
  /// there is none.
  const RecordedProcess* process_of(pid_t pid);
  /// The number of the one that everything is about; 0: none.
  u32 process_number() const;
  /// Is it debugged as well: does it stand, at a position of its own?
  bool is_open(u32 number) const;
  enum class OpenAt : u8 { begin, tip };
  /// Everything is about this one from now on. If it is not open it is stopped, if it still runs, and its history is
  /// that from its begin, which for a forked one is the fork; that may mean to re-execute its parents.
  Result<> open(u32 number, OpenAt at = OpenAt::tip);
  /// The other open ones go to where they stood, by the order of events, when this one stood at its position.
  struct Aligned {
    u32 number = 0;
    Result<Time> time;
  };
  std::vector<Aligned> align_others();
  /// The process gets the turn of shared memory back at `time`, with what the others have written.
  Result<bool> sees_others_at(const Time& time) const;
  /// An open one, or one that was held when it began, goes on by itself, and is recorded further.
  void let_go(u32 number);
  /// The program stands before its end, and ends. Its history stays, with which it, and what it forked, can be opened.
  void let_end();

  /// Lines for the user that no command returns.
  void on_notice(std::function<void(const std::string&)> handler) { notice_ = std::move(handler); }

  /// What snapshots have cost and hold.
  struct SnapshotCosts {
    std::vector<u64> bytes;                   // that each of snapshots() holds and no other process does
    std::chrono::nanoseconds taking{};        // live's, for all of them
    std::chrono::nanoseconds program_time{};  // that live has executed
  };
  SnapshotCosts snapshot_costs() const;

  // Going forward. ----------------------------------------------------------------------------------------
  bool at_tip() const;
  /// From the tip, for real. `done` is called once, from the io_context (not if the program is killed before).
  void run_live(const Forward& how, std::function<void(Result<RunStop>)> done);
  bool live_is_running() const;
  /// In the past: to a stop, or to the tip at the latest. Comes back when that is done; meanwhile handlers of the
  /// io_context run.
  Result<RunStop> run_recorded(const Forward& how);
  /// What runs, live or a search, stops. Searches give an Error with code EINTR and the position stays.
  void interrupt();

  // Execution ---------------------------------------------------------------------------------------------
  Time begin() const override;
  Time tip() const override;
  Time position() const override;
  std::vector<Time> snapshots() const override;
  Result<> go_to(const Time& time) override;
  Result<Time> first_of_tick(u64 ticks) override;
  Result<RunStop> run_forward(const Time& limit, const std::vector<Condition>& conditions) override;
  Result<std::vector<Note>> collect(const Time& from, const Time& to,
                                    const std::vector<Condition>& conditions) override;
  Result<std::vector<TracePoint>> trace_before(const Time& to, u64 most) override;
  Result<std::vector<TracePoint>> trace_after(const Time& from, u64 most) override;
  Result<std::vector<u8>> memory_at(const Time& time, GuestAddr at, u64 size) override;
  Result<TracePoint> point_at(const Time& time) override;
  u64 edition() const override;

  // The program at the position. --------------------------------------------------------------------------
  /// The process that shows it; it stands. Only to ask it: changes and going are the session's.
  Result<Peer*> here();
  /// The same of an open process.
  Result<Peer*> here(u32 number);
  /// At the tip: a worker shows it, until the position is set anew. So a function that is called here has no effect.
  Result<> show_recorded();

  // Changes: part of history at the tip (tip_changes.h), thrown away in the past.
  Result<> write_memory(GuestAddr at, std::span<const u8> bytes);
  /// Registers given back after a call of a function in the past end the excursion that this was.
  Result<> set_registers(const Registers& registers);
  Result<> set_vector_state(std::span<const u8> area);
  bool is_changed_in_past() const;
  /// What was changed where live stands since it was at `time` is changed back there, and the position is the tip.
  /// False: the program has run since then, or what was changed is a signal.
  Result<bool> take_back_changes(const Time& time);
  /// What was changed from within gdb at the tip of then; it is part of history.
  const TipChanges& tip_changes() const;
  /// What is delivered next at the tip (Peer::set_signal); in the past history decides.
  Result<> set_signal(int number, std::span<const u8> signal_info = {});
  Result<> set_signal_info(std::span<const u8> signal_info);

 private:
  struct Program;
  struct Recording;
  /// Its history begins where live stands.
  struct First {
    pid_t pid = -1;
    Peer live;
    std::vector<std::string> args;
  };
  Result<> begin_history(std::unique_ptr<Recording> recording, First first);
  // session_processes.cpp
  void listen(Live& live);
  /// A worker that stands where the history of a process begins.
  Result<Peer> worker_at_begin(const RecordedProcess& process);
  Result<Peer> worker_before_event(Program& program, u64 event);
  Result<> stop_running(RecordedProcess& process);
  Result<> take_over(Program& program);
  Result<> take_history(Program& program);
  Result<> open_history(Program& program);
  void watch_processes();
  /// Children that live's conditions have had stand.
  void note_held(const std::vector<Condition>& conditions, const std::vector<Hit>& hits);
  Result<Time> go_to_order(u64 order);
  Program* find(u32 number) const;
  void forget(u32 number);

  enum class HistoryEnd : u8 { tip, unknown };
  /// Another process could not be made: snapshots make room for it, now and from now on. True: try again.
  bool make_room(const Error& why);
  void meet_deadlock(const std::string& who_waits);
  /// The user is told once that there are fewer snapshots.
  void tell_fewer(const std::string& why);
  /// A worker from the nearest snapshot at or before `t`, standing there.
  Result<Peer> worker_before(const Time& t, HistoryEnd end = HistoryEnd::tip);
  Result<Peer> worker_of(Peer& peer);
  enum class Leave : u8 { nothing, snapshots };
  /// Runs a worker to exactly `t` (pc 0: the first of that tick). Snapshots that it leaves on the way are the denser
  /// the nearer.
  Result<Time> approach(Peer& worker, const Time& t, Leave leave);
  /// A process at `t` for questions: the one at the position, or one that is kept for the next question.
  Result<Peer*> probe(const Time& t);
  Result<Standing> go_forward(Peer& peer, const Forward& how, const std::optional<Time>& limit);
  Result<Standing> go_in_history(Peer& worker, const Forward& how, const std::optional<Time>& limit);
  Result<Standing> pass_hidden(Peer& worker, const Standing& from, const Span& span,
                               const std::vector<Condition>& conditions);
  Result<> note_changes(Peer& worker, const Span& hidden, const Time& to, const std::vector<Condition>& conditions,
                        std::vector<Note>& notes);
  Result<WatchedBytes> watched_at(const Time& time, const std::vector<Condition>& conditions);
  /// The worker at the position has gone forward.
  Result<RunStop> worker_stopped(const Result<Standing>& s);
  Result<RunStop> live_stopped(const Result<Standing>& s);
  void stand_at_tip();
  /// Live is gone: history ends with the last event.
  Result<RunStop> salvage();

  // session_changes.cpp
  Result<bool> in_called_function();
  /// In the past pc was changed: what follows is no history.
  Result<bool> goes_on_elsewhere();
  Result<RunStop> run_called_function(const Forward& how);
  /// Makes a change where the program is shown.
  Result<> change(const std::function<Result<>(Peer&)>& make);
  /// Forgets changes in the past; says so if `tell` is set and the user may miss them.
  Result<> drop_changes(bool tell);

  boost::asio::io_context& io_;
  SessionOptions options_;
  Attention attention_;
  std::function<void(const std::string&)> notice_;
  std::unique_ptr<Recording> recording_;
  Program* program_ = nullptr;  // one of the recording's
  boost::asio::steady_timer watch_;
  bool fewer_told_ = false;
};

}  // namespace fred
