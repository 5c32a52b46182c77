// What the prompt and fred's commands need of a session that can travel in time. The session is also the remote target
// that gdb is connected to. A move becomes visible in two steps: the session computes where to go (a Landing), then
// next_stop() is called and gdb executes `reverse-stepi`, upon which the target answers with a stop there. So gdb
// prints the new place, displays included, as after any stop.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "gdbmi/commands/gdb_questions.h"
#include "gdbmi/commands/progress.h"

namespace fred {

/// Where one stands in history.
struct Where {
  Time begin, now, tip;
  bool at_tip() const { return now == tip; }
  /// 0 to 100, of ticks.
  double percent() const;
};

/// Where a move ends.
struct Landing {
  Time time;
  std::string note;  // a line to print before the place ("No more reverse-execution history."), or ""
  u64 steps = 1;     // of gdb's, more if it is to see stops on the way because it counts them or compares with them
};

/// A step back: where it ends, or nothing, if gdb is to do it by itself. Then `reason` says why, if it is worth a line.
struct BackStep {
  std::optional<Landing> landing;
  std::string reason = {};
};

struct StepRequest {
  enum class Kind : u8 { step, next, finish, until, stepi, nexti };
  Kind kind{};
  u64 count = 1;
};

/// The last change of an expression's value before now (or the first after), as `reverse-watch` finds it.
struct ChangeRequest {
  std::string expression;
  bool last = false;     // exactly the last one, by following writes where the expression is memory
  bool forward = false;  // with last: the next one
};
struct Change {
  Landing landing;             // before the statement that makes the change
  std::string before, after;   // in program time
  std::string place;           // "list.c:26 in main", or an address
  bool by_gdb = false;         // set, or made by a function that was called, while the program stood at that place
  std::optional<u64> changes;  // how many there were, where that is known
  u64 probes = 0;
  std::vector<std::string> remarks;  // lines to print ("not guaranteed to be the last")
};

/// A point that has a number, and perhaps a name, to go back to.
struct Mark {
  enum class Kind : u8 { bookmark, checkpoint, stop };  // stop: made by the session at every stop
  Kind kind{};
  u64 number = 0;
  std::string name;
  Time time;
  std::string place;
};

struct SnapshotInfo {
  Time time;
  u64 bytes = 0;  // memory that only this snapshot holds
};

/// A process of the recording.
struct ProcessInfo {
  u32 number = 0, parent = 0;  // parent 0: it is the program that was started
  int pid = 0;
  bool current = false;  // the one that is debugged
  std::string program;   // its name, as the kernel has it
  std::string state;     // what became of it
};

/// A command that was executed at the prompt. It moved time if `before` and `after` differ.
struct CommandDone {
  std::string text;
  std::optional<Time> before, after;  // none: there was no program
  bool failed = false;
};

/// A line of a saved history: a command, and where the program stood after it.
struct SavedCommand {
  std::string text;
  std::optional<Time> after;
};

/// Commands about the program as a whole; the session may refuse them before gdb gets them.
enum class LifeCycle : u8 { run, start, attach, kill, detach, quit };

/// The terminal: the session lends it to the program while live runs. The terminal's modes are kept for each of both.
class ProgramTerminal {
 public:
  virtual ~ProgramTerminal() = default;
  virtual void lend(int process_group) = 0;
  virtual void take_back() = 0;
};

class TravelSession {
 public:
  virtual ~TravelSession() = default;

  // --- with gdb ---------------------------------------------------------------------------------------------

  /// Commands that gdb executes once at the start, before any of the user's ("target extended-remote …").
  virtual std::vector<std::string> gdb_commands() = 0;
  /// The terminal stays valid as long as the session.
  virtual void use_terminal(ProgramTerminal& terminal) = 0;
  /// The program is the session's child and has the user's terminal. False: it is gdb's own and runs on gdb's.
  virtual bool owns_program() const = 0;
  /// An Error is shown instead of the command being executed.
  virtual Result<> allow(LifeCycle command, std::string_view arguments, GdbQuestions& gdb) = 0;
  /// The next `bs` or `bc` of gdb's ends at this landing, whatever gdb thinks it does; if stops are passed on the way,
  /// so do the ones before it, each at one of them.
  virtual void next_stop(const Landing& landing) = 0;
  /// What gdb is to execute before that, or "".
  virtual std::string before_stop() { return ""; }
  /// gdb has done so, or has stopped earlier: what it has not come to is void.
  virtual void stopped_there() {}

  // --- where one is -----------------------------------------------------------------------------------------

  /// Nothing while no program is there.
  virtual std::optional<Where> where() = 0;
  virtual std::string print(const Time& time) const = 0;
  /// TICKS[:PC[+REST]], N%, -N, start, end, the name of a bookmark.
  virtual Result<Time> find(std::string_view text) = 0;

  // --- moves: none of them is visible before next_stop(). An Error leaves everything as it was. ---------------

  virtual Result<Landing> go_to(const Time& time, Progress& progress) = 0;
  /// The other processes that are debugged go to where they stood then; a line for each.
  virtual Result<std::vector<std::string>> align_others() { return fail("there is one process"); }
  /// Backwards, with the meaning of gdb's command.
  virtual Result<BackStep> step_back(const StepRequest& request, GdbQuestions& gdb, Progress& progress) = 0;
  virtual Result<Change> find_change(const ChangeRequest& request, GdbQuestions& gdb, Progress& progress) = 0;
  /// Before the last `count` commands that moved time.
  virtual Result<Landing> undo(u64 count, Progress& progress) = 0;
  /// Through the places one has been, as in a browser.
  virtual Result<Landing> back(u64 count, Progress& progress) = 0;
  virtual Result<Landing> forward(u64 count, Progress& progress) = 0;

  // --- marks ------------------------------------------------------------------------------------------------

  virtual Result<Mark> add_mark(Mark::Kind kind, std::string_view name, std::string_view place) = 0;
  virtual Result<> remove_mark(Mark::Kind kind, u64 number) = 0;
  virtual std::vector<Mark> marks(Mark::Kind kind) = 0;

  // --- the record of the session ----------------------------------------------------------------------------

  /// Called before each command at the prompt, also gdb's.
  virtual void command_begins() {}
  /// Called after each command at the prompt, also gdb's.
  virtual void note(const CommandDone& command) = 0;
  /// The commands so far, a line of JSON each.
  virtual std::vector<std::string> history() = 0;
  virtual Result<SavedCommand> parse_history_line(std::string_view line) const = 0;
  virtual std::vector<SnapshotInfo> snapshots() = 0;
  /// The program and its children, in the order in which they began.
  virtual std::vector<ProcessInfo> processes() { return {}; }
  /// Before a command of fred's that is about the program: which process does gdb's user mean?
  virtual Result<> follow_gdb(GdbQuestions&) { return {}; }
  /// Before gdb runs backwards: which forks and executed programs are to stop it is not told by gdb to its target.
  virtual Result<> catch_processes(GdbQuestions&) { return {}; }
  /// Before gdb has the program go on, in either direction, other than by lines or instructions: its watchpoints of
  /// registers, for which it would step, are the session's up to the next stop. `finishes`: to the end of the frame.
  virtual Result<> begin_run(GdbQuestions&, bool /*finishes*/) { return {}; }
  /// gdb is done.
  virtual void end_run() {}
  /// What gdb is to execute to debug this process of the recording.
  virtual Result<std::string> open_process(u32) { return fail("there is no recording"); }
  virtual std::string statistics() = 0;
  /// How many lines of its own the session has had gdb print so far. gdb may send them by way of MI: they can come
  /// later than the prompt of the command that they belong to.
  virtual u64 lines_sent() const { return 0; }
  /// Why a program could not be started or attached to, once, if gdb has been told so meanwhile: it does not say it.
  virtual std::string take_why_not_begun() { return {}; }
  /// What gdb's exit status would be, with --return-child-result, if it knew of ends that the program has only come to.
  virtual int child_result(int status_of_gdb) const { return status_of_gdb; }
};

/// Where one stands; nothing while no program is there.
inline std::optional<Time> time_of(TravelSession& session) {
  const auto where = session.where();
  return where ? std::optional(where->now) : std::nullopt;
}

inline double Where::percent() const {
  const u64 all = tip.ticks - begin.ticks;
  if (all == 0) return at_tip() ? 100 : 0;
  return 100.0 * static_cast<double>(now.ticks - begin.ticks) / static_cast<double>(all);
}

}  // namespace fred
