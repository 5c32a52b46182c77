#include "gdbmi/prompt/prompt_format.h"

#include <fmt/format.h>

#include <algorithm>

namespace fred {

Result<> check_prompt_format(std::string_view format) {
  bool open = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%') {
      if (++i == format.size() || std::string_view("pt%[]").find(format[i]) == std::string_view::npos) {
        return fail("after % there must be one of p, t, %, [ and ]");
      }
    } else if (format[i] == '[' || format[i] == ']') {
      if (open == (format[i] == '[')) return fail("brackets must come in pairs, not nested");
      open = !open;
    }
  }
  if (open) return fail("a bracket is not closed");
  return {};
}

std::string render_prompt(std::string_view format, const std::optional<Where>& where, std::string_view time) {
  const bool past = where && !where->at_tip();
  // 100% is the tip alone, and it is not the past.
  const auto percent = where ? std::min(where->percent(), past ? 99.0 : 100.0) : 100.0;
  std::string text;
  bool shown = true;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if (c == '[') {
      shown = past;
    } else if (c == ']') {
      shown = true;
    } else if (!shown) {
      if (c == '%') ++i;
    } else if (c == '%' && i + 1 < format.size()) {
      const char what = format[++i];
      if (what == 'p') {
        text += fmt::format("{:.0f}%", percent);
      } else if (what == 't') {
        text += time;
      } else {
        text += what;
      }
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace fred
