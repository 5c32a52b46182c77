#include "reverse/timeline/time_text.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace fred {
namespace {
constexpr char phase_mark = '!';
constexpr u32 whole = 1'000'000;

/// All of `text` as a number.
std::optional<u64> number(std::string_view text, int base = 10) {
  u64 value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || rest != end || error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<Time> full_time(std::string_view text) {
  Time time;
  if (text.ends_with(phase_mark)) {
    time.phase = 1;
    text.remove_suffix(1);
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::optional<u64> ticks = number(text.substr(0, colon));
  text.remove_prefix(colon + 1);
  if (!text.starts_with("0x")) return std::nullopt;
  text.remove_prefix(2);
  if (const std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    const std::optional<u64> rest = number(text.substr(plus + 1));
    if (!rest || *rest == 0) return std::nullopt;
    time.rest = *rest;
    text = text.substr(0, plus);
  }
  const std::optional<u64> pc = number(text, 16);
  if (!ticks || !pc) return std::nullopt;
  time.ticks = *ticks;
  time.pc = GuestAddr{*pc};
  return time;
}

/// A number with at most four decimals, as millionths of 100.
std::optional<PartOfHistory> percent(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::optional<u64> units = number(text.substr(0, dot));
  u64 millionths = units.value_or(0);
  if (!units || *units > 100) return std::nullopt;
  const std::string_view decimals = dot == std::string_view::npos ? "" : text.substr(dot + 1);
  if (dot != std::string_view::npos && (decimals.empty() || decimals.size() > 4 || !number(decimals))) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    millionths = millionths * 10 + (i < decimals.size() ? static_cast<u64>(decimals[i] - '0') : 0);
  }
  if (millionths > whole) return std::nullopt;
  return PartOfHistory{static_cast<u32>(millionths)};
}
}  // namespace

std::string print_time(const Time& time) {
  std::string text = fmt::format("{}:{:#x}", time.ticks, time.pc.value);
  if (time.rest != 0) text += fmt::format("+{}", time.rest);
  if (time.phase != 0) text += phase_mark;
  return text;
}

Result<Time> parse_time(std::string_view text) {
  const std::optional<Time> time = full_time(text);
  if (!time) return fail(fmt::format("\"{}\" is no Time: expected TICKS:0xPC", text));
  return *time;
}

Result<TimeText> parse_time_text(std::string_view text) {
  if (text == "start") return HistoryEdge::start;
  if (text == "end") return HistoryEdge::end;
  if (const std::optional<Time> time = full_time(text)) return *time;
  if (text.ends_with('%')) {
    if (const std::optional<PartOfHistory> part = percent(text.substr(0, text.size() - 1))) return *part;
  } else if (text.starts_with('-')) {
    if (const std::optional<u64> ticks = number(text.substr(1))) return TicksBack{*ticks};
  } else if (const std::optional<u64> ticks = number(text)) {
    return TicksFromStart{*ticks};
  }
  return fail(fmt::format(
      "\"{}\" is no time: expected TICKS:0xPC, TICKS, N% (0 to 100), -N (ticks back), start, end or a bookmark", text));
}

}  // namespace fred
