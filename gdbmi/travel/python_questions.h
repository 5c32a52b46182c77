// Questions to a gdb that only its Python can be reached of: answers.py answers them all.
#pragma once
#include "gdbmi/commands/gdb_questions.h"

namespace fred {

class PythonQuestions : public GdbQuestions {
 public:
  Result<std::optional<GuestRange>> function_at(GuestAddr pc) override;
  Result<std::vector<GdbFrame>> frames(unsigned most) override;
  Result<unsigned> selected_frame() override;
  /// In the selected frame; another one cannot be asked for.
  Result<std::string> evaluate(std::string_view expression, const std::optional<FrameId>& frame) override;
  Result<std::optional<GuestRange>> memory_of(std::string_view expression,
                                              const std::optional<FrameId>& frame) override;
};

}  // namespace fred
