#include "gdbmi/travel/python_questions.h"

#include <fmt/format.h>

#include "gdbmi/travel/gdb_symbols.h"

namespace fred {

Result<std::optional<GuestRange>> PythonQuestions::function_at(GuestAddr pc) {
  const auto answer = ask_python(*this, fmt::format("function_range({:#x})", pc.value));
  if (!answer) return std::unexpected(answer.error());
  if (!answer->contains("begin")) return std::nullopt;
  return GuestRange{GuestAddr{answer->value("begin", u64{0})}, GuestAddr{answer->value("end", u64{0})}};
}

Result<std::vector<GdbFrame>> PythonQuestions::frames(unsigned most) {
  const auto answer = ask_python(*this, fmt::format("stack({})", most));
  if (!answer) return std::unexpected(answer.error());
  std::vector<GdbFrame> frames;
  for (const auto& f : (*answer)["frames"]) {
    frames.push_back({.id = {GuestAddr{f.value("entry", u64{0})}, GuestAddr{f.value("cfa", u64{0})}},
                      .pc = GuestAddr{f.value("pc", u64{0})},
                      .function = f.value("function", ""),
                      .file = f.value("file", ""),
                      .line = f.value("line", 0U)});
  }
  return frames;
}

Result<unsigned> PythonQuestions::selected_frame() {
  const auto answer = ask_python(*this, "selected()");
  if (!answer) return std::unexpected(answer.error());
  return answer->value("level", 0U);
}

Result<std::string> PythonQuestions::evaluate(std::string_view expression, const std::optional<FrameId>& frame) {
  if (frame) return fail("only the selected frame can be asked");
  const auto answer = ask_python(*this, fmt::format("evaluate({})", python_string(expression)));
  if (!answer) return std::unexpected(answer.error());
  if (answer->contains("error")) return fail(answer->value("error", ""));
  return answer->value("value", "");
}

Result<std::optional<GuestRange>> PythonQuestions::memory_of(std::string_view expression,
                                                             const std::optional<FrameId>& frame) {
  if (frame) return fail("only the selected frame can be asked");
  return ask_memory(*this, expression);
}

}  // namespace fred
