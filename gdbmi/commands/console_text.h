// What gdb's command line prints, taken apart.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

#include "gdbmi/commands/gdb_questions.h"

namespace fred {

/// A number at the beginning of a text.
template <class T>
std::optional<T> leading_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

/// What follows `mark` in `text`, or "".
std::string_view behind(std::string_view text, std::string_view mark);
/// The first "0x…" in a text.
std::optional<u64> first_hexadecimal(std::string_view text);
/// The answer of `info line *ADDRESS`. Nothing: no line there.
std::optional<LineEntry> parse_info_line(std::string_view text);

}  // namespace fred
