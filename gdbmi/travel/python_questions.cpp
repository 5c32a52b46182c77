#include "gdbmi/travel/python_questions.h"

#include <fmt/format.h>

#include "gdbmi/travel/gdb_symbols.h"

namespace fred {

Result<std::vector<GdbFrame>> PythonQuestions::frames(unsigned most) {
  const auto answer = ask_python(*this, fmt::format("stack({})", most));
  if (!answer) return std::unexpected(answer.error());
  std::vector<GdbFrame> frames;
  for (const auto& f : (*answer)["frames"]) {
    frames.push_back({.pc = GuestAddr{f.value("pc", u64{0})},
                      .function = f.value("function", ""),
                      .file = f.value("file", ""),
                      .line = f.value("line", 0U)});
  }
  return frames;
}

Result<std::string> PythonQuestions::evaluate(std::string_view expression) {
  const auto answer = ask_python(*this, fmt::format("evaluate({})", python_string(expression)));
  if (!answer) return std::unexpected(answer.error());
  if (answer->contains("error")) return fail(answer->value("error", ""));
  return answer->value("value", "");
}

}  // namespace fred
