// Questions to a gdb that only its Python can be reached of: answers.py answers them all.
#pragma once
#include "gdbmi/commands/gdb_questions.h"

namespace fred {

class PythonQuestions : public GdbQuestions {
 public:
  Result<std::vector<GdbFrame>> frames(unsigned most) override;
  Result<std::string> evaluate(std::string_view expression) override;
};

}  // namespace fred
