// Going to points of history.
#include <fmt/format.h>

#include "gdbmi/commands/handlers.h"

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
  if (a.empty()) return fail("Argument required (a Time, N%, -N, start, end, or the name of a bookmark).");
  const auto time = c.session.find(a);
  if (!time) return std::unexpected(time.error());
  return arrive(c, c.session.go_to(*time, c.shell.progress()));
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
