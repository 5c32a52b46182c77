#include "gdbmi/prompt/questions.h"

#include <fmt/format.h>

#include "gdbmi/commands/console_text.h"
#include "gdbmi/mi/parser.h"

namespace fred {

Result<std::vector<GdbFrame>> MiQuestions::frames(unsigned most) {
  if (most == 0) return std::vector<GdbFrame>{};
  const auto answer = mi_.ask(fmt::format("-stack-list-frames 0 {}", most - 1));
  if (!answer) return std::unexpected(answer.error());
  std::vector<GdbFrame> frames;
  const auto* const stack = answer->find("stack");
  if (stack == nullptr) return frames;
  for (const auto& [name, f] : stack->members) {
    frames.push_back({.pc = GuestAddr{first_hexadecimal(f.string("addr")).value_or(0)},
                      .function = std::string(f.string("func")),
                      .file = std::string(f.string("file")),
                      .line = leading_number<u32>(f.string("line")).value_or(0)});
  }
  return frames;
}

Result<std::string> MiQuestions::evaluate(std::string_view expression) {
  const auto answer = mi_.ask(fmt::format("-data-evaluate-expression {}", mi::quote(expression)));
  if (!answer) return std::unexpected(answer.error());
  return std::string(answer->string("value"));
}

}  // namespace fred
