#include "gdbmi/commands/console_text.h"

namespace fred {

std::string_view behind(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + mark.size());
}

std::optional<u64> first_hexadecimal(std::string_view text) { return leading_number<u64>(behind(text, "0x"), 16); }

// Line 12 of "list.c" starts at address 0x11b2 <main+8> and ends at 0x11c3 <main+25>.
std::optional<LineEntry> parse_info_line(std::string_view text) {
  const auto line = leading_number<u32>(behind(text, "Line "));
  const auto quoted = behind(text, " of \"");
  const auto begin = first_hexadecimal(behind(text, " starts at address "));
  const auto end = first_hexadecimal(behind(text, " and ends at "));
  if (!line || !begin || !end) return std::nullopt;
  return LineEntry{{GuestAddr{*begin}, GuestAddr{*end}}, std::string(quoted.substr(0, quoted.find("\" "))), *line};
}

}  // namespace fred
