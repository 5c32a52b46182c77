#include "gdbmi/commands/gdb_questions.h"

#include <fmt/format.h>

#include "gdbmi/commands/console_text.h"

namespace fred {

void GdbQuestions::moved() {
  // Errors say that gdb is gone, which the next question says as well.
  (void)console("maintenance flush register-cache");
  (void)console("maintenance flush dcache");
}

void GdbQuestions::all_moved() {
  (void)console("maintenance flush register-cache");
  // Each inferior has a cache of its own for stacks and code: only the current one's is flushed.
  (void)console("thread apply all -s -q maintenance flush dcache");
}

Result<std::optional<LineEntry>> GdbQuestions::line_at(GuestAddr pc) {
  const auto text = console(fmt::format("info line *{:#x}", pc.value));
  if (!text) return std::unexpected(text.error());
  return parse_info_line(*text);
}

}  // namespace fred
