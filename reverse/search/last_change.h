// `reverse-watch --last` and `last -f`: exact for an expression that is memory. All writes are noted by the execution
// itself.
#pragma once
#include "reverse/timeline/timeline.h"

namespace fred {

struct MemoryChange {
  Time at, after;  // the instruction that writes, and behind it
  std::vector<u8> before, now;
  ThreadId thread = 0;
};

/// The last change of the bytes in [lowest, from); nothing if there was none.
Result<std::optional<MemoryChange>> last_change(Timeline& timeline, GuestRange range, const Time& lowest,
                                                const Time& from, const std::stop_token& stop);
/// The first change at or behind `from`, up to the end of history so far or to where one of `ends` holds; nothing if
/// there is none. The position of `execution` moves.
Result<std::optional<MemoryChange>> next_change(Execution& execution, GuestRange range, const Time& from,
                                                const Conditions& ends = {});
/// How often the bytes changed in [from, to).
Result<u64> count_changes(Timeline& timeline, GuestRange range, const Time& from, const Time& to,
                          const std::stop_token& stop);

/// To the beginning of the statement that makes a change which is there at `after` and was not at `before`, its
/// neighbour: one `next` shows it. Where no lines are known, to the instruction itself.
Result<Stop> land_before_change(Timeline& timeline, const Time& before, const Time& after);

}  // namespace fred
