// Conditions on an execution: what the user or an algorithm of time travel waits for. They live in the translation,
// in any number, and are either stopped at or only noted (collected).
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred {

/// The kernel's id of a guest thread at recording time.
using ThreadId = i32;

/// The user's (or an algorithm's) number of a condition; unique among those given together.
enum class ConditionId : u32 {};

/// The instruction at `pc` is about to be executed (phase 0, rest 0). With `stack_pointer`, only while rsp is
/// exactly that: an invocation of a function is told from deeper ones of the same function by it.
struct BreakCondition {
  GuestAddr pc;
  std::optional<u64> stack_pointer;
  bool operator==(const BreakCondition&) const = default;
};
/// The guest reads or writes one of these bytes; `write` means that their value changed. `read` and `access` go by the
/// operands of instructions (what the mask of a masked move leaves out counts, of a gather it does not) and by what
/// is known of the system calls that read.
struct WatchCondition {
  enum class Access : u8 { write, read, access };
  GuestRange range;
  Access access = Access::write;
  bool operator==(const WatchCondition&) const = default;
};
/// The value of this general register changes. (A rep instruction changes it as a whole.)
struct RegisterCondition {
  Gpr gpr{};
  bool operator==(const RegisterCondition&) const = default;
};
/// A system call is about to be executed, or has just been; no number: any.
struct SyscallCondition {
  std::vector<u32> numbers;
  bool operator==(const SyscallCondition&) const = default;
};
/// A signal is about to be delivered.
struct SignalCondition {
  std::vector<int> numbers;
  bool operator==(const SignalCondition&) const = default;
};

/// The process has just forked or vforked a child, which stands where it begins while live is armed to stop at any of
/// these; or it has executed another program, whose first instruction is next. (A vfork has happened when it returns.)
struct ProcessCondition {
  enum class Event : u8 { fork, vfork, exec };
  Event event{};
  bool operator==(const ProcessCondition&) const = default;
};

/// The running thread hands the turn on: at the Time of that, behind which another one runs (or it itself, if it only
/// waited).
struct TurnCondition {
  bool operator==(const TurnCondition&) const = default;
};

struct Condition {
  ConditionId id{};
  std::variant<BreakCondition, WatchCondition, RegisterCondition, SyscallCondition, SignalCondition, ProcessCondition,
               TurnCondition>
      what;
  std::optional<ThreadId> thread;  // only in this thread
  bool operator==(const Condition&) const = default;
};

/// A moment at which a condition held.
struct Hit {
  ConditionId id{};
  Time at;     // break: the Time itself; watch, register: of the instruction that accesses, not yet executed
  Time after;  // watch, register: the Time behind that instruction; else equal to `at`
  ThreadId thread = 0;
  // watch, register: the bytes before and after, as far as mapped; of reads of >64 none
  std::vector<u8> before = {}, now = {};
  u32 number = 0;         // of the system call or signal; of a child its process id
  bool returned = false;  // system call: it has just been executed (both Times are behind it)
  i32 end = -1;           // of a vfork child that has executed no program: its wait status
};

/// What a condition gave over an interval.
struct Note {
  ConditionId id{};
  u64 count = 0;
  std::optional<Hit> last;

  /// So many more, of which this was the last.
  void add(u64 more, Hit hit) {
    count += more;
    if (!last || last->at < hit.at) last = std::move(hit);
  }
};

/// A thread of the program as it is where the program stands.
struct ThreadFact {
  ThreadId id = 0;
  bool runs = false;       // executes what is next; of the others the registers are those with which they go on
  std::string name = {};   // at most 15 bytes
  std::string state = {};  // for the user: what it waits for; empty: nothing
};

/// One executed instruction: where a line of a trace stood before it.
struct TracePoint {
  Time time;
  u64 stack_pointer = 0;
  ThreadId thread = 0;
  bool operator==(const TracePoint&) const = default;
};

}  // namespace fred
