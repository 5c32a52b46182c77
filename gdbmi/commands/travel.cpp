// Going to points of history.
#include <fmt/format.h>

#include "gdbmi/commands/handlers.h"
#include "gdbmi/commands/table.h"

namespace fred::handlers {

Result<> when(CommandContext& c, Arguments) {
  const auto where = need_program(c);
  if (!where) return std::unexpected(where.error());
  const auto now = c.session.print(where->now);
  if (where->at_tip()) {
    c.shell.print(fmt::format("Time {}, the end of history so far.\n", now));
  } else {
    c.shell.print(fmt::format("Time {}, {:.1f}% of history (which ends at {}).\n", now, where->percent(),
                              c.session.print(where->tip)));
  }
  return {};
}

Result<> go_to(CommandContext& c, Arguments a) {
  if (auto where = need_program(c); !where) return std::unexpected(where.error());
  constexpr std::string_view all = "--all";
  const bool others = a == all || a.starts_with("--all ");
  if (others) a = trimmed(a.substr(all.size()));
  if (a.empty() && !others) return fail("Argument required (a Time, N%, -N, start, end, or the name of a bookmark).");
  if (!a.empty()) {
    const auto time = c.session.find(a);
    if (!time) return std::unexpected(time.error());
    if (auto there = arrive(c, c.session.go_to(*time, c.shell.progress())); !there || !others) return there;
  }
  const auto lines = c.session.align_others();
  if (!lines) return std::unexpected(lines.error());
  c.questions.all_moved();
  for (const auto& line : *lines) c.shell.print(line + "\n");
  return {};
}

namespace {
Result<> move_by(CommandContext& c, Arguments a, Result<Landing> (TravelSession::*move)(u64, Progress&)) {
  if (auto where = need_program(c); !where) return std::unexpected(where.error());
  const auto n = count(c, a);
  if (!n) return std::unexpected(n.error());
  return arrive(c, (c.session.*move)(*n, c.shell.progress()));
}
}  // namespace

Result<> undo(CommandContext& c, Arguments a) { return move_by(c, a, &TravelSession::undo); }
Result<> back(CommandContext& c, Arguments a) { return move_by(c, a, &TravelSession::back); }
Result<> forward(CommandContext& c, Arguments a) { return move_by(c, a, &TravelSession::forward); }

}  // namespace fred::handlers
