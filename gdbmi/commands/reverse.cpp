// Executing backwards.
#include <fmt/format.h>

#include "gdbmi/commands/handlers.h"

namespace fred::handlers {

namespace {

/// The session steps by itself, or has gdb do it.
Result<> step_back(CommandContext& c, StepRequest::Kind kind, std::string_view command, Arguments a) {
  const auto n = count(c, a);
  if (!n) return std::unexpected(n.error());
  if (*n == 0) return {};
  const auto step = c.session.step_back({kind, *n}, c.questions, c.shell.progress());
  if (!step) return std::unexpected(step.error());
  if (step->landing) return arrive(c, *step->landing);
  if (!step->reason.empty() && !c.shell.comes_back())
    c.shell.print(fmt::format("[fred: gdb steps by itself: {}]\n", step->reason));
  c.shell.gdb(*n == 1 ? std::string(command) : fmt::format("{} {}", command, *n));
  return {};
}

}  // namespace

Result<> reverse_step(CommandContext& c, Arguments a) {
  return step_back(c, StepRequest::Kind::step, "reverse-step", a);
}
Result<> reverse_next(CommandContext& c, Arguments a) {
  return step_back(c, StepRequest::Kind::next, "reverse-next", a);
}
Result<> reverse_finish(CommandContext& c, Arguments a) {
  return step_back(c, StepRequest::Kind::finish, "reverse-finish", a);
}
Result<> reverse_until(CommandContext& c, Arguments a) {
  return step_back(c, StepRequest::Kind::until, "reverse-next", a);
}
Result<> reverse_stepi(CommandContext& c, Arguments a) {
  return step_back(c, StepRequest::Kind::stepi, "reverse-stepi", a);
}
Result<> reverse_nexti(CommandContext& c, Arguments a) {
  return step_back(c, StepRequest::Kind::nexti, "reverse-nexti", a);
}

/// Scripts that were written for gdb's own go on.
Result<> record(CommandContext& c, Arguments a) {
  if (!c.session.owns_program()) {  // gdb debugs by itself
    c.shell.gdb(a.empty() ? "record" : fmt::format("record {}", a));
    return {};
  }
  c.shell.print("Not needed: fred records the program from its start. Go back at any time.\n");
  return {};
}

/// gdb's own: it inserts the breakpoints, checks their conditions and counts, and runs their commands; the target
/// searches.
Result<> reverse_continue(CommandContext& c, Arguments a) {
  if (auto caught = c.session.catch_processes(c.questions); !caught) return caught;
  if (auto begun = c.session.begin_run(c.questions, false); !begun) return begun;
  c.shell.gdb(a.empty() ? "reverse-continue" : fmt::format("reverse-continue {}", a));
  c.session.end_run();
  return {};
}

}  // namespace fred::handlers
