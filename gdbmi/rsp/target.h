// What the protocol's server needs of the thing that is debugged. It says nothing of packets, and the server nothing of
// processes; session_target.h is the one that is used.
#pragma once
#include <csignal>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/control/condition.h"
#include "gdbmi/rsp/packets.h"
#include "gdbmi/rsp/register_table.h"

namespace fred::remote {

/// How the next program is to be started.
struct StartRequest {
  std::vector<std::string> args;  // args[0]: the program
  std::optional<std::vector<std::string>> environment;
  std::string working_directory;
  bool by_shell = true;
};

/// Why the program stands, or that it has gone. Signals are Linux's.
struct StoppedBySignal {
  int number = 0;        // 0: just stands
  bool arrived = false;  // SIGTRAP, and no signal of the program: the motion has ended where it was to
};
inline constexpr StoppedBySignal arrival{.number = SIGTRAP, .arrived = true};
struct StoppedAtBreak {
  bool hardware = false;
};
struct StoppedAtWatch {
  WatchCondition::Access access{};
  GuestAddr at;
};
struct StoppedAtSyscall {
  u32 number = 0;
  bool returned = false;
};
enum class HistoryBound : u8 { begin, end };
struct OtherLibraries {};  // than gdb knows of
struct VforkDone {};       // the child of a vfork no longer shares the memory
struct ExecutedProgram {
  std::string path;
};
struct Exited {
  int status = 0;
};
struct KilledBy {
  int signal = 0;
};
/// The process has a child, which stands where it begins; or, of a vfork, has executed no program and has ended.
struct Forked {
  bool vfork = false;
  i64 child = 0;  // process id
  std::optional<std::variant<Exited, KilledBy>> end = std::nullopt;
};
using StopEvent = std::variant<StoppedBySignal, StoppedAtBreak, StoppedAtWatch, StoppedAtSyscall, HistoryBound,
                               OtherLibraries, Forked, VforkDone, ExecutedProgram, Exited, KilledBy>;

enum class Motion : u8 { go, step, step_range, go_back, step_back };
struct ResumeRequest {
  Motion motion{};
  std::optional<int> signal = std::nullopt;  // with this signal; none: without one
  GuestRange range = {};                     // step_range: as long as pc is in here
  ThreadId thread = 0;                       // whose steps; 0: the running thread's
  ThreadId alone = 0;                        // no other one is to run; 0: all do
  bool unless_waits = false;                 // but while that one waits
  bool over_breakpoint = false;              // gdb has taken a breakpoint out for the time of a step
};

class Target {
 public:
  virtual ~Target() = default;

  // The program's life.
  virtual bool has_program() const = 0;
  virtual Result<> start(const StartRequest& request) = 0;
  /// Takes over a program that runs.
  virtual Result<> attach(i64 process) = 0;
  virtual bool is_attached() const = 0;
  virtual void kill() = 0;
  /// The last one that was debugged: its recording ends.
  virtual void detach() = 0;
  virtual i64 process_id() const = 0;
  /// Where the program stands; empty without one.
  virtual std::vector<ThreadFact> threads() = 0;

  // Its children are processes of their own. One is the current one, which everything else is about.
  /// Is it one of the recording's?
  virtual bool is_recorded(i64 process) = 0;
  virtual Result<> select(i64 process) = 0;
  /// It goes on by itself.
  virtual void let_go(i64 process) = 0;
  /// Of one that need not be the current one.
  virtual std::vector<ThreadFact> threads_of(i64 process) = 0;
  /// Forks, vforks and executed programs stop, going forward.
  virtual void report_processes(bool on) = 0;

  // Going. `stopped` is called once, at once or later.
  virtual void resume(const ResumeRequest& request, std::function<void(StopEvent)> stopped) = 0;
  /// The last motion led anywhere in history, not past what gdb would have stopped at on the way.
  virtual bool has_jumped() const { return false; }
  /// gdb steps, and the target goes on instead (SessionTarget::begin_free_run).
  virtual bool runs_freely() const { return false; }
  /// Which command of the user's gdb executes, counted; 0 if that is not known, or none.
  virtual u64 command() const { return 0; }
  virtual void interrupt() = 0;
  virtual Result<> insert(i64 process, const Point& point) = 0;
  virtual Result<> remove(i64 process, const Point& point) = 0;
  virtual void pass_signals(std::vector<int> signals) = 0;
  virtual void catch_syscalls(bool on, std::vector<u32> numbers) = 0;

  // What it is like where it stands.
  /// Of one thread; 0: of the one that runs, whose registers alone can be changed.
  virtual Result<RegisterState> registers(ThreadId thread = 0) = 0;
  virtual Result<> set_registers(const RegisterState& state) = 0;
  /// What is readable of it, from the first byte on.
  virtual Result<std::vector<u8>> memory(GuestAddr at, u64 size) = 0;
  virtual Result<> write_memory(GuestAddr at, std::span<const u8> bytes) = 0;
  virtual Result<std::optional<GuestAddr>> search_memory(GuestRange range, std::span<const u8> pattern) = 0;
  virtual Result<std::vector<u8>> auxv() = 0;
  virtual Result<std::string> executable() = 0;
  /// siginfo_t of the signal that is delivered next.
  virtual Result<std::vector<u8>> signal_info() = 0;
  virtual Result<> write_signal_info(u64 offset, std::span<const u8> bytes) = 0;
  /// What /proc/PID/`name` would be for the program; nothing if the real one will do.
  virtual std::optional<std::string> process_file(i64 process, std::string_view name) = 0;

  /// So many lines of ours have been sent to gdb, which prints them.
  virtual void lines_sent(u64) {}
  /// The answer to gdb's `monitor COMMAND`.
  virtual std::string monitor(std::string_view command) = 0;
  /// A conversation with gdb's Python (`monitor fred REQUEST`). True: `reply` is called once, perhaps later.
  virtual bool converse(std::string_view, std::function<void(const std::string&)>) { return false; }
  /// gdb has gone.
  virtual void hung_up() {}
  /// Called when someone else has moved the target.
  virtual void on_moved(std::function<void()>) {}
  /// Where lines for the user go that no packet answers.
  virtual void on_notice(std::function<void(const std::string&)> handler) = 0;
};

}  // namespace fred::remote
