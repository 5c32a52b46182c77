#include "gdbmi/rsp/framing.h"

#include <fmt/format.h>

#include "gdbmi/rsp/hex.h"

namespace fred::remote {

namespace {

constexpr char escape = '}', escaped_with = 0x20;
/// Room for the escapes of a packet of the greatest size.
constexpr std::size_t longest_frame = 2 * packet_size + 16;

u8 checksum(std::string_view data) {
  u8 sum = 0;
  for (const char c : data) sum = static_cast<u8>(sum + static_cast<u8>(c));
  return sum;
}

std::string unescaped(std::string_view data) {
  std::string plain;
  plain.reserve(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == escape && i + 1 < data.size()) {
      plain += static_cast<char>(data[++i] ^ escaped_with);
    } else {
      plain += data[i];
    }
  }
  return plain;
}

}  // namespace

std::optional<Received> FrameReader::next() {
  waiting_.erase(0, waiting_.find_first_of("$+-\x03"));
  if (waiting_.empty()) return std::nullopt;
  const char first = waiting_.front();
  if (first != '$') {
    waiting_.erase(0, 1);
    return first == '+' ? Received::acknowledged : first == '-' ? Received::sent_wrongly : Received::interrupt;
  }
  const auto end = waiting_.find('#');
  if (end == std::string::npos || waiting_.size() < end + 3) {
    if (waiting_.size() <= longest_frame) return std::nullopt;
    waiting_.clear();
    return Received::damaged;
  }
  const auto data = std::string_view(waiting_).substr(1, end - 1);
  const auto sum = from_hex(std::string_view(waiting_).substr(end + 1, 2));
  const bool right = !check_ || (sum && sum->front() == checksum(data));
  packet_ = unescaped(data);
  waiting_.erase(0, end + 3);
  return right ? Received::packet : Received::damaged;
}

std::string frame(std::string_view data) {
  std::string escaped;
  escaped.reserve(data.size() + 4);
  for (const char c : data) {
    if (c == '$' || c == '#' || c == escape || c == '*') {
      escaped += escape;
      escaped += static_cast<char>(c ^ escaped_with);
    } else {
      escaped += c;
    }
  }
  return fmt::format("${}#{:02x}", escaped, checksum(escaped));
}

}  // namespace fred::remote
