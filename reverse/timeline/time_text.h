// Times as the user types and reads them:
//
//   TICKS:0xPC[+REST][!]   one point; `!` marks a fault or signal raised there and not yet delivered (phase 1)
//   TICKS                  the first point of that tick
//   N%                     of the ticks of history so far; decimals are allowed
//   -N                     N ticks back from here: the first point of that tick
//   start, end             the ends of history
#pragma once
#include <string>
#include <string_view>
#include <variant>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

struct TicksFromStart {
  u64 ticks = 0;
  bool operator==(const TicksFromStart&) const = default;
};
struct TicksBack {
  u64 ticks = 0;
  bool operator==(const TicksBack&) const = default;
};
/// In millionths of the whole, so that what was typed is kept exactly.
struct PartOfHistory {
  u32 millionths = 0;
  bool operator==(const PartOfHistory&) const = default;
};
enum class HistoryEdge : u8 { start, end };

/// A place in history as it was typed; Timeline::resolve says which Time it is.
using TimeText = std::variant<Time, TicksFromStart, TicksBack, PartOfHistory, HistoryEdge>;

std::string print_time(const Time& time);
/// What print_time printed, and nothing else.
Result<Time> parse_time(std::string_view text);
Result<TimeText> parse_time_text(std::string_view text);

}  // namespace fred
