// Bookmarks and checkpoints: points of history with a number.
#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/commands/handlers.h"

namespace fred::handlers {

namespace {

struct Wording {
  Mark::Kind kind;
  const char *one, *title, *none;
};
constexpr Wording bookmarks{Mark::Kind::bookmark, "bookmark", "Bookmark", "No bookmarks."};
constexpr Wording checkpoints{Mark::Kind::checkpoint, "checkpoint", "Checkpoint", "No checkpoints."};

Result<> add(CommandContext& c, const Wording& w, Arguments name) {
  const auto where = need_program(c);
  if (!where) return std::unexpected(where.error());
  const auto mark = c.session.add_mark(w.kind, name, place(c));
  if (!mark) return std::unexpected(mark.error());
  c.shell.print(fmt::format("{} {}{}: time {}{}\n", w.title, mark->number,
                            mark->name.empty() ? "" : fmt::format(" '{}'", mark->name), c.session.print(mark->time),
                            mark->place.empty() ? "" : ", " + mark->place));
  return {};
}

Result<> list(CommandContext& c, const Wording& w) {
  const auto marks = c.session.marks(w.kind);
  if (marks.empty()) {
    c.shell.print(fmt::format("{}\n", w.none));
    return {};
  }
  const auto where = c.session.where();
  std::string text;
  for (const auto& m : marks) {
    text += fmt::format("{} {:<3} {:<24} {}{}\n", where && where->now == m.time ? '*' : ' ', m.number,
                        c.session.print(m.time), m.name.empty() ? "" : m.name + "  ", m.place);
  }
  c.shell.print_pages(text);
  return {};
}

Result<u64> number(CommandContext& c, const Wording& w, Arguments a) {
  if (a.empty()) return fail(fmt::format("Argument required (the number of a {}).", w.one));
  return count(c, a);
}

Result<> remove(CommandContext& c, const Wording& w, Arguments a) {
  const auto n = number(c, w, a);
  if (!n) return std::unexpected(n.error());
  return c.session.remove_mark(w.kind, *n);
}

}  // namespace

Result<> bookmark(CommandContext& c, Arguments a) { return add(c, bookmarks, a); }
Result<> info_bookmarks(CommandContext& c, Arguments) { return list(c, bookmarks); }
Result<> delete_bookmark(CommandContext& c, Arguments a) { return remove(c, bookmarks, a); }
Result<> checkpoint(CommandContext& c, Arguments) { return add(c, checkpoints, ""); }
Result<> info_checkpoints(CommandContext& c, Arguments) { return list(c, checkpoints); }
Result<> delete_checkpoint(CommandContext& c, Arguments a) { return remove(c, checkpoints, a); }

Result<> restart(CommandContext& c, Arguments a) {
  const auto n = number(c, checkpoints, a);
  if (!n) return std::unexpected(n.error());
  const auto marks = c.session.marks(Mark::Kind::checkpoint);
  const auto found = std::ranges::find(marks, *n, &Mark::number);
  if (found == marks.end()) return fail(fmt::format("No checkpoint number {}.", *n));
  return arrive(c, c.session.go_to(found->time, c.shell.progress()));
}

}  // namespace fred::handlers
