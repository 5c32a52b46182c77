// Answers about the program, from gdb over MI.
#pragma once
#include <map>

#include "gdbmi/commands/gdb_questions.h"
#include "gdbmi/mi/driver.h"

namespace fred {

class MiQuestions final : public GdbQuestions {
 public:
  explicit MiQuestions(mi::Driver& mi) : mi_(mi) {}

  Result<std::string> console(std::string_view command) override { return mi_.ask_console(command); }
  Result<std::optional<GuestRange>> function_at(GuestAddr pc) override;
  Result<std::vector<GdbFrame>> frames(unsigned most) override;
  Result<unsigned> selected_frame() override;
  Result<std::string> evaluate(std::string_view expression, const std::optional<FrameId>& frame) override;
  Result<std::optional<GuestRange>> memory_of(std::string_view expression,
                                              const std::optional<FrameId>& frame) override;

  /// Symbols were loaded or dropped: what was remembered of them is void.
  void forget_symbols();

 private:
  Result<GuestAddr> cfa_of(unsigned level);
  Result<unsigned> level_of(const FrameId& frame);

  mi::Driver& mi_;
  std::map<GuestAddr, GuestRange> functions_;  // by their first address
};

}  // namespace fred
