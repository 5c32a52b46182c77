// What the handlers share.
#include <fmt/format.h>

#include "core/base/number.h"
#include "gdbmi/commands/handlers.h"
#include "gdbmi/commands/table.h"

namespace fred::handlers {

Result<u64> count(CommandContext& c, Arguments arguments) {
  if (arguments.empty()) return 1;
  if (const auto n = whole_number<u64>(arguments)) return *n;
  const auto value = c.questions.evaluate(arguments);
  if (!value) return std::unexpected(value.error());
  if (const auto n = whole_number<u64>(*value)) return *n;
  return fail(fmt::format("'{}' is not a count: it is {}", arguments, *value));
}

Result<Where> need_program(CommandContext& c) {
  if (const auto where = c.session.where()) return *where;
  return fail("The program is not being run.");
}

Result<> arrive(CommandContext& c, const Result<Landing>& landing) {
  if (!landing) return std::unexpected(landing.error());
  if (!landing->note.empty()) c.shell.print(landing->note + "\n");
  if (const auto where = c.session.where(); where && where->now == landing->time) {
    c.questions.moved();
    c.shell.gdb("frame");
    return {};
  }
  if (const auto command = c.session.before_stop(); !command.empty()) c.shell.gdb(command);
  c.session.next_stop(*landing);
  c.shell.gdb(landing->steps == 1 ? "reverse-stepi" : fmt::format("reverse-stepi {}", landing->steps));
  c.session.stopped_there();
  return {};
}

std::string place(CommandContext& c) {
  const auto frames = c.questions.frames(1);
  if (!frames || frames->empty()) return "";
  const auto& f = frames->front();
  const auto function = f.function.empty() ? fmt::format("{:#x}", f.pc.value) : f.function;
  return f.file.empty() ? function : fmt::format("{} at {}:{}", function, f.file, f.line);
}

}  // namespace fred::handlers
