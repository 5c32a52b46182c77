// How packets lie in the stream of bytes: $DATA#CHECKSUM with escapes, acknowledgements, the interrupt byte
// (gdb manual, "Overview" of the remote serial protocol).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace fred::remote {

/// What gdb is told that it may send at once: long enough for whole libraries to be read in few packets.
inline constexpr std::size_t packet_size = 0x20000;

enum class Received : char {
  packet,
  acknowledged,  // '+'
  sent_wrongly,  // '-': the last packet is wanted again
  interrupt,     // 0x03
  damaged,       // a packet whose checksum is wrong, or that is too long
};

class FrameReader {
 public:
  void feed(std::string_view bytes) { waiting_ += bytes; }
  /// The next thing in the stream; nothing until more has come. Bytes that begin nothing are skipped.
  std::optional<Received> next();
  /// Data of the packet that next() gave, with the escapes resolved.
  const std::string& packet() const { return packet_; }
  /// Whether the checksum counts: not in no-ack mode.
  void ignore_checksums() { check_ = false; }

 private:
  std::string waiting_, packet_;
  bool check_ = true;
};

/// The packet with this data; what has a meaning in the frame is escaped.
std::string frame(std::string_view data);

}  // namespace fred::remote
