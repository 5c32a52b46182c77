// Numbers that users write.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

namespace fred {

/// The text as a whole number that fits; nothing if it is anything else, or has anything else around it.
template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace fred
