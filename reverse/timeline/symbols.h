// What line-level time travel asks of the debugger's symbols. Everything is per pc or per Time, so that an
// implementation can answer from gdb and keep the answers.
#pragma once
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// A source file and a line of it, as one opaque value: equal if and only if they are the same line.
enum class LineId : u64 {};

/// The line that an instruction belongs to.
struct Line {
  LineId id{};
  /// The contiguous code of this line that holds the pc: neighbouring entries of the line table with the same line
  /// are one range. A line may have other ranges elsewhere.
  GuestRange range;
  /// An entry of the line table that is marked as a statement begins exactly at the pc.
  bool starts_statement = false;
  /// How many inlined calls are open at the pc: `next` treats deeper code as a call.
  u32 inline_depth = 0;
  /// Those of them that the user does not want to step into: where the code of each begins, the outermost first.
  std::vector<GuestAddr> skipped_calls{};
};

struct Function {
  GuestAddr entry;   // names the function, also for a cold part that lies elsewhere
  GuestRange range;  // the contiguous part that holds the pc
  /// Where `break FUNCTION` stops: behind the prologue; `entry` if there is none.
  GuestAddr body;
  /// A PLT stub or the dynamic linker's resolver: on the way of a call to another function.
  bool trampoline = false;
  /// The user does not want to step into it.
  bool skipped = false;
  bool operator==(const Function& other) const { return entry == other.entry; }
};

/// One frame of a stack. For the caller of another frame `pc` is the return address, for a function that a signal
/// interrupted the instruction that comes next.
struct Frame {
  GuestAddr pc;
  u64 cfa = 0;  // the canonical frame address: rsp before the call that made the frame; of a signal trampoline: rsp
                // of the interrupted code
  bool interrupted = false;  // a signal interrupted it: `pc` is no return address
};

/// An instruction of the frame itself: a return address may lie behind the last line, even behind the function. A
/// signal's trampoline is returned to without having called.
inline GuestAddr pc_within(const std::vector<Frame>& frames, std::size_t level) {
  const Frame& frame = frames[level];
  const bool trampoline = level + 1 < frames.size() && frames[level + 1].interrupted;
  return level == 0 || frame.interrupted || trampoline ? frame.pc : frame.pc - 1;
}

class Symbols {
 public:
  virtual ~Symbols() = default;

  virtual std::optional<Line> line_at(GuestAddr pc) = 0;
  virtual std::optional<Function> function_at(GuestAddr pc) = 0;
  /// The physical frames (no inlined ones) at a Time, innermost first, at most `most`; what is beyond a frame that
  /// cannot be unwound is missing.
  virtual Result<std::vector<Frame>> frames_at(const Time& time, u64 most) = 0;
  /// Entries of functions through which control leaves frames without returning from them: longjmp and its kin,
  /// _Unwind_DebugHook.
  virtual std::vector<GuestAddr> nonlocal_jumps() = 0;
};

}  // namespace fred
