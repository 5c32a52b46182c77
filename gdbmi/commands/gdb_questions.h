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

struct GdbFrame {
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
  /// The same of all processes that gdb debugs.
  void all_moved();

  /// Nothing where there is no line information.
  virtual Result<std::optional<LineEntry>> line_at(GuestAddr pc);
  /// The innermost frames, at most `most`.
  virtual Result<std::vector<GdbFrame>> frames(unsigned most) = 0;

  /// The value in the selected frame, as gdb prints it. An Error is gdb's message.
  virtual Result<std::string> evaluate(std::string_view expression) = 0;
};

}  // namespace fred
