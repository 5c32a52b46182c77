#include "cli/shell_words.h"

#include <algorithm>

namespace fred {

namespace {
constexpr std::string_view white = " \t\n";
constexpr std::string_view active = "*?[]$<>~";

/// `&` means something only next to < or > (2>&1, &>file).
bool joins_redirection(std::string_view word, std::size_t at) {
  const auto is_arrow = [](char c) { return c == '<' || c == '>'; };
  return (at > 0 && is_arrow(word[at - 1])) || (at + 1 < word.size() && is_arrow(word[at + 1]));
}
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-+=./:,@%^{}").contains(c) || static_cast<unsigned char>(c) >= 0x80;
}
bool has_active(std::string_view word) {
  return word.find_first_of(white) == std::string_view::npos && word.find_first_of(active) != std::string_view::npos;
}
}  // namespace

std::string shell_quoted(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_word(std::string_view word) {
  if (!has_active(word)) return shell_quoted(word);
  std::string text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const bool keeps_meaning = active.contains(c) || (c == '&' && joins_redirection(word, i));
    if (!keeps_meaning && !is_plain(c)) text += '\\';
    text += c;
  }
  return text;
}

bool needs_shell(std::span<const std::string> words) { return std::ranges::any_of(words, has_active); }

}  // namespace fred
