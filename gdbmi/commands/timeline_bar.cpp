#include "gdbmi/commands/timeline_bar.h"

#include <algorithm>

namespace fred {

namespace {

/// The column of a Time: history's first is 0, its last is width - 1.
std::size_t column(const Where& where, const Time& time, std::size_t width) {
  const u64 all = where.tip.ticks - where.begin.ticks;
  const u64 at = std::clamp(time.ticks, where.begin.ticks, where.tip.ticks) - where.begin.ticks;
  if (all == 0) return time < where.tip ? 0 : width - 1;
  return static_cast<std::size_t>(static_cast<double>(at) / static_cast<double>(all) * static_cast<double>(width - 1));
}

char letter(Mark::Kind kind) {
  switch (kind) {
    case Mark::Kind::bookmark:
      return 'b';
    case Mark::Kind::checkpoint:
      return 'c';
    case Mark::Kind::stop:
      return '.';
  }
  return '?';
}

}  // namespace

std::string timeline_bar(const Where& where, std::span<const SnapshotInfo> snapshots, std::span<const Mark> marks,
                         unsigned width) {
  const std::size_t columns = std::max(width, 20U) - 2;
  std::string bar(columns, '-'), below(columns, ' ');
  for (const auto& m : marks) {
    if (m.kind == Mark::Kind::stop) bar[column(where, m.time, columns)] = '.';
  }
  for (const auto& s : snapshots) bar[column(where, s.time, columns)] = '|';
  for (const auto& m : marks) {
    if (m.kind != Mark::Kind::stop) bar[column(where, m.time, columns)] = letter(m.kind);
  }
  const auto here = column(where, where.now, columns);
  below[here] = '^';
  below.resize(here + 1);
  return "[" + bar + "]\n " + below + "\n";
}

}  // namespace fred
