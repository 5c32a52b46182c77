// The session that fred-gdb debugs with: the program is recorded, gdb is connected to it by the remote protocol, and
// time travel is reverse/'s. recorded_places.cpp: marks, undo, the log; recorded_searches.cpp: reverse-watch.
#pragma once
#include <algorithm>
#include <map>

#include "gdbmi/asio.h"
#include "gdbmi/commands/travel_session.h"
#include "gdbmi/rsp/session_target.h"
#include "gdbmi/travel/gdb_symbols.h"
#include "gdbmi/travel/helper.h"
#include "gdbmi/travel/private_server.h"
#include "reverse/timeline/command_log.h"
#include "reverse/timeline/places.h"
#include "reverse/timeline/timeline.h"

namespace fred {

class RecordedSession final : public TravelSession {
 public:
  RecordedSession(asio::io_context& io, SessionOptions options, Launch surroundings = {});
  /// What gdb's `source` loads: the answers to the session's questions, and fred's commands.
  static std::string python_helper();

  Session& session() { return session_; }
  remote::SessionTarget& target() { return target_; }

  std::vector<std::string> gdb_commands() override;
  void use_terminal(ProgramTerminal& terminal) override;
  bool owns_program() const override { return true; }
  Result<> allow(LifeCycle command, std::string_view arguments, GdbQuestions& gdb) override;
  void next_stop(const Landing& landing) override;
  std::string before_stop() override;
  void stopped_there() override;

  std::optional<Where> where() override;
  std::string print(const Time& time) const override { return print_time(time); }
  Result<Time> find(std::string_view text) override;

  Result<Landing> go_to(const Time& time, Progress& progress) override;
  Result<std::vector<std::string>> align_others() override;
  Result<BackStep> step_back(const StepRequest& request, GdbQuestions& gdb, Progress& progress) override;
  Result<Change> find_change(const ChangeRequest& request, GdbQuestions& gdb, Progress& progress) override;
  Result<Landing> undo(u64 count, Progress& progress) override;
  Result<Landing> back(u64 count, Progress& progress) override;
  Result<Landing> forward(u64 count, Progress& progress) override;

  Result<Mark> add_mark(Mark::Kind kind, std::string_view name, std::string_view place) override;
  Result<> remove_mark(Mark::Kind kind, u64 number) override;
  std::vector<Mark> marks(Mark::Kind kind) override;

  void command_begins() override { target_.command_begins(); }
  void note(const CommandDone& command) override;
  std::vector<std::string> history() override;
  Result<SavedCommand> parse_history_line(std::string_view line) const override;
  std::vector<SnapshotInfo> snapshots() override;
  std::vector<ProcessInfo> processes() override;
  Result<> follow_gdb(GdbQuestions& gdb) override;
  Result<> catch_processes(GdbQuestions& gdb) override;
  Result<> begin_run(GdbQuestions& gdb, bool finishes) override;
  void end_run() override { target_.end_free_run(); }
  Result<std::string> open_process(u32 number) override;
  u64 lines_sent() const override { return target_.all_lines_sent(); }
  std::string take_why_not_begun() override { return target_.take_why_not_begun(); }
  int child_result(int status) const override { return target_.child_result().instead_of(status); }
  std::string statistics() override { return target_.monitor("stats"); }

  /// What the user has set: what surely stops, and what depends on conditions that gdb has to evaluate where it is hit,
  /// or on ignore counts.
  struct UserPoints {
    struct Dependent {
      /// A breakpoint, watchpoint or catchpoint that the condition stands for, by gdb's number.
      struct Point {
        i64 number = 0;
        std::vector<u32> only;  // system calls or signals; none: every hit
        bool prints = false;    // gdb does something at each hit, and does not stop: dprintf
        bool concerns(u32 n) const { return only.empty() || std::ranges::find(only, n) != only.end(); }
      };
      Condition at;
      std::vector<Point> points;
    };
    std::vector<Condition> certain;
    std::vector<Dependent> dependent;
    std::map<i64, u64> ignored;  // by gdb's number: so many hits do not stop
    std::string left;            // why only gdb can tell where a command ends, or ""
  };

 private:
  class Operation;
  friend class Operation;

  /// Another program: its history is empty.
  void begin_history();
  /// Another process of the recording: what was found out about the last one does not hold.
  void select_history();
  /// `thread`: whose registers are watched.
  Result<UserPoints> points(GdbQuestions& gdb, ThreadId thread);
  /// A command backwards that would end with `stop` ends earlier if one of those that depend stops on the way. Hits
  /// that gdb is to see although they do not stop go to passed_.
  Result<Stop> stop_on_the_way(Stop stop, UserPoints points, GdbQuestions& gdb, Operation& operation);
  Result<Landing> landing_of(const Result<Stop>& stop);
  /// Back or forward through the places. If nothing moves, the places are as they were.
  Result<Landing> browse(Result<Time> (VisitedPlaces::*to)(u64), u64 count, Progress& progress);
  Result<Stop> step(const StepRequest& request, const std::vector<Condition>& conditions, u64 level);
  Result<ThreadId> running_thread();
  /// The same of a thread that does not run, and stands at `pc`.
  Result<Stop> step_other(ThreadId thread, GuestAddr pc, const StepRequest& request,
                          const std::vector<Condition>& conditions, u64 level);
  Result<std::optional<Time>> lifetime(const nlohmann::json& scope, const Time& from, Operation& operation);
  /// Finds out where a change is, by values at Times.
  Result<Change> bisect(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation);
  Result<std::optional<Change>> follow_writes(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation);
  /// The next change of memory, other than the one that is about to be made.
  Result<Change> follow_forward(const ChangeRequest& request, GdbQuestions& gdb, Operation& operation);
  Result<> arrive_before(Change& change, const Time& before, const Time& after,
                         const std::function<Result<bool>(const Time&)>& made = {});
  Result<bool> has_executed(GuestAddr pc, const Time& from, const Time& to);
  std::string thread_here();

  asio::io_context& io_;
  Session session_;
  remote::SessionTarget target_;
  PrivateServer server_;
  Helper helper_;
  GdbSymbols symbols_;
  /// Of one process of the recording: each has its own Time.
  struct History {
    std::optional<Timeline> timeline;
    VisitedPlaces places;
    UndoHistory undo;
    std::vector<Mark> marks;
    std::array<u64, 3> next_mark{1, 1, 1};
  };
  std::map<u32, History> histories_;  // by the process's number
  History* history_ = nullptr;        // the current one's
  ProgramTerminal* terminal_ = nullptr;

  /// Where gdb believes the target to be, while a command has moved it and gdb has not been told.
  std::optional<Time> shown_;
  bool jumping_ = false;
  bool had_threads_ = false;  // more than one, at some stop
  std::optional<Stop> landed_;
  std::vector<Stop> passed_;  // before it, in the order in which gdb comes to them

  CommandLog log_;
  bool undoing_ = false;
  bool browsed_ = false;        // the command goes through the places: they stay
  bool began_history_ = false;  // by the command that is being executed
};

}  // namespace fred
