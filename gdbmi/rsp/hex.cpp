#include "gdbmi/rsp/hex.h"

#include <algorithm>
#include <charconv>

namespace fred::remote {

namespace {
int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace

std::string to_hex(std::span<const u8> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const u8 b : bytes) {
    text += digits[b >> 4];
    text += digits[b & 15];
  }
  return text;
}

std::string to_hex(std::string_view text) {
  return to_hex(std::span{reinterpret_cast<const u8*>(text.data()), text.size()});
}

std::optional<std::vector<u8>> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::vector<u8> bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<u8>(high << 4 | low));
  }
  return bytes;
}

std::optional<std::string> text_from_hex(std::string_view digits) {
  const auto bytes = from_hex(digits);
  if (!bytes) return std::nullopt;
  return std::string(bytes->begin(), bytes->end());
}

u64 Reader::number() {
  u64 value = 0;
  const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value, 16);
  if (failed_ || error != std::errc{}) {
    failed_ = true;
    return 0;
  }
  text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
  return value;
}

void Reader::expect(char c) {
  if (next() != c || text_.empty()) {
    failed_ = true;
  } else {
    text_.remove_prefix(1);
  }
}

bool Reader::take(std::string_view word) {
  if (failed_ || !text_.starts_with(word)) return false;
  text_.remove_prefix(word.size());
  return true;
}

std::string_view Reader::until(char stop) {
  const auto piece = text_.substr(0, text_.find(stop));
  text_.remove_prefix(piece.size());
  return piece;
}

std::string_view Reader::rest() {
  const auto all = text_;
  text_ = {};
  return all;
}

std::string Reader::hex_text(char stop) {
  auto text = text_from_hex(until(stop));
  if (!text) failed_ = true;
  return text ? std::move(*text) : std::string{};
}

}  // namespace fred::remote
