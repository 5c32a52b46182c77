// Answers about the program, from gdb over MI.
#pragma once
#include "gdbmi/commands/gdb_questions.h"
#include "gdbmi/mi/driver.h"

namespace fred {

class MiQuestions final : public GdbQuestions {
 public:
  explicit MiQuestions(mi::Driver& mi) : mi_(mi) {}

  Result<std::string> console(std::string_view command) override { return mi_.ask_console(command); }
  Result<std::vector<GdbFrame>> frames(unsigned most) override;
  Result<std::string> evaluate(std::string_view expression) override;

 private:
  mi::Driver& mi_;
};

}  // namespace fred
