// Numbers and bytes in hexadecimal, as the remote protocol has them, and reading them from packets.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace fred::remote {

/// Two digits a byte, in memory order.
std::string to_hex(std::span<const u8> bytes);
std::string to_hex(std::string_view text);
/// Nothing if it is not pairs of digits.
std::optional<std::vector<u8>> from_hex(std::string_view digits);
std::optional<std::string> text_from_hex(std::string_view digits);

/// Reads a packet from left to right. A reader that has failed stays failed and gives empty values, so that a parser
/// can read everything and ask at the end.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// One to sixteen hexadecimal digits.
  u64 number();
  /// Fails unless `c` is next.
  void expect(char c);
  /// Takes `word` if it is next.
  bool take(std::string_view word);
  /// Up to the next `stop` (which is not taken) or the end.
  std::string_view until(char stop);
  std::string_view rest();
  std::string hex_text(char stop);
  bool at_end() const { return text_.empty(); }
  char next() const { return text_.empty() ? '\0' : text_.front(); }

  void fail() { failed_ = true; }
  bool failed() const { return failed_; }
  /// Nothing has gone wrong and nothing is left.
  bool done() const { return !failed_ && text_.empty(); }

 private:
  std::string_view text_;
  bool failed_ = false;
};

}  // namespace fred::remote
