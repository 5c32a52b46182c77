// What an operation of time travel may ask gdb about the program: lines, functions, frames, values. The answers are
// for the position of the session's target at that moment, also within a search that moves it about.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// An entry of gdb's line table.
struct LineEntry {
  GuestRange range;
  std::string file;
  u32 line = 0;
};

/// An invocation of a function: it is the same frame as long as both are the same.
struct FrameId {
  GuestAddr function;  // its first instruction; 0 where gdb knows no function
  GuestAddr cfa;       // the stack pointer in the caller, behind the return address
  auto operator<=>(const FrameId&) const = default;
};

struct GdbFrame {
  FrameId id;
  GuestAddr pc;
  std::string function;  // "" if unknown
  std::string file;      // "" without line information
  u32 line = 0;
};

class GdbQuestions {
 public:
  virtual ~GdbQuestions() = default;

  /// What a command of gdb's command line prints. It must not make the program run.
  virtual Result<std::string> console(std::string_view) { return fail("gdb cannot be asked"); }

  /// The session has moved the target behind gdb's back: gdb is to read registers and memory anew.
  virtual void moved();

  /// Nothing where there is no line information.
  virtual Result<std::optional<LineEntry>> line_at(GuestAddr pc);
  /// The function's instructions as far as gdb knows them.
  virtual Result<std::optional<GuestRange>> function_at(GuestAddr pc) = 0;
  /// The innermost frames, at most `most`.
  virtual Result<std::vector<GdbFrame>> frames(unsigned most) = 0;
  /// The number of the frame that the user has selected, 0 being the innermost.
  virtual Result<unsigned> selected_frame() = 0;

  /// The value as gdb prints it, in that frame if one is given. An Error is gdb's message, or that the frame is not
  /// there.
  virtual Result<std::string> evaluate(std::string_view expression, const std::optional<FrameId>& frame) = 0;
  /// The memory that the expression names here, if it names any.
  virtual Result<std::optional<GuestRange>> memory_of(std::string_view expression,
                                                      const std::optional<FrameId>& frame) = 0;
};

}  // namespace fred
