// How packets lie in the stream, whatever comes in.

#include <random>

#include "gdbmi/rsp/framing.h"
#include "gdbmi/rsp/hex.h"
#include "test.h"

namespace fred::remote {

TEST_CASE("rsp: frames are read as they come, in pieces") {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  const std::string stream = "+" + frame("") + frame("qC") + "\x03" + frame(bytes) + "-";
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    FrameReader reader;
    std::vector<Received> kinds;
    std::vector<std::string> packets;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(std::string_view(stream).substr(at, piece));
      while (const auto received = reader.next()) {
        kinds.push_back(*received);
        if (*received == Received::packet) packets.push_back(reader.packet());
      }
    }
    CHECK(kinds == std::vector{Received::acknowledged, Received::packet, Received::packet, Received::interrupt,
                               Received::packet, Received::sent_wrongly});
    CHECK(packets == std::vector<std::string>{"", "qC", bytes});
  }
}

TEST_CASE("rsp: checksums count until no-ack mode") {
  FrameReader reader;
  reader.feed("$qC#00$qC#b4$qC#zz");
  CHECK(reader.next() == Received::damaged);
  CHECK(reader.next() == Received::packet);
  CHECK(reader.packet() == "qC");
  CHECK(reader.next() == Received::damaged);
  CHECK(!reader.next());
  reader.ignore_checksums();
  reader.feed("$qC#00");
  CHECK(reader.next() == Received::packet);
}

TEST_CASE("rsp: a frame without an end is given up") {
  FrameReader reader;
  reader.feed("$" + std::string(3 * packet_size, 'a'));
  CHECK(reader.next() == Received::damaged);
  CHECK(!reader.next());
  reader.feed(frame("g"));
  CHECK(reader.next() == Received::packet);
}

TEST_CASE("rsp: noise between frames") {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    FrameReader reader;
    std::string noise;
    for (int k = 0; k < 60; ++k) noise += "$#+-\x03}*ab019\x80"[random() % 12];
    reader.feed(noise);
    for (int k = 0; k < 100 && reader.next(); ++k) {
    }
    CHECK(reader.next() == std::nullopt);
  }
}

TEST_CASE("rsp: hexadecimal") {
  CHECK(to_hex(std::string_view("\x01\xfe")) == "01fe");
  CHECK(text_from_hex("01Fe") == "\x01\xfe");
  CHECK(!from_hex("0"));
  CHECK(!from_hex("0g"));
  Reader r("1f,ffffffffffffffff,10000000000000000");
  CHECK(r.number() == 0x1f);
  r.expect(',');
  CHECK(r.number() == ~u64{0});
  r.expect(',');
  CHECK(!r.failed());
  r.number();  // does not fit
  CHECK(r.failed());
}

}  // namespace fred::remote
