// The quick decoder against the full one: for every opcode of its maps under every prefix it takes, every ModRM byte
// and enough SIB bytes to meet each form of an address.
#include "core/translate/quick_decoder.h"

#include <fmt/format.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "test.h"

namespace fred {

namespace {

constexpr GuestAddr somewhere{0x5555'5555'4321};

/// Both, and what the quick one knows is compared. False: it does not know it.
bool same(const std::vector<u8>& bytes) {
  Instruction quick, full;
  std::memset(static_cast<void*>(&quick), 0xcc, sizeof quick);  // what it leaves unset shows
  if (!quick_decode(somewhere, bytes, quick)) return false;
  std::string text;
  for (const u8 b : bytes) text += fmt::format("{:02x} ", b);
  CAPTURE(text);
  REQUIRE(decode(somewhere, bytes, full) == Decoded::instruction);
  REQUIRE(quick.pc == full.pc);
  REQUIRE(quick.length == full.length);
  REQUIRE(quick.flow == full.flow);
  REQUIRE(quick.effect == full.effect);
  REQUIRE(quick.repeated == full.repeated);
  REQUIRE(quick.rip_relative == full.rip_relative);
  REQUIRE(quick.raw.address_width == full.raw.address_width);
  if (full.flow == Flow::branch) REQUIRE(quick.condition == full.condition);
  if (full.rip_relative || (full.flow != Flow::next && full.flow != Flow::ret)) REQUIRE(quick.target == full.target);
  if (full.rip_relative) {
    REQUIRE(quick.raw.raw.disp.offset == full.raw.raw.disp.offset);
    REQUIRE(quick.raw.raw.modrm.offset == full.raw.raw.modrm.offset);
  }
  if (full.flow == Flow::ret) {
    REQUIRE(quick.raw.raw.prefix_count == full.raw.raw.prefix_count);
    REQUIRE(quick.raw.operand_count_visible == full.raw.operand_count_visible);
  }
  return true;
}

const std::vector<std::vector<u8>>& prefixes() {
  static const auto all = [] {
    std::vector<std::vector<u8>> made;
    for (const bool fs : {false, true}) {
      for (const u8 prefix : {0x00, 0x66, 0xf2, 0xf3}) {
        for (const u8 rex : {0x00, 0x40, 0x41, 0x44, 0x48, 0x4d, 0x4f}) {
          if (fs && rex != 0x48) continue;
          std::vector<u8> p;
          if (fs) p.push_back(0x64);
          if (prefix != 0) p.push_back(prefix);
          if (rex != 0) p.push_back(rex);
          made.push_back(p);
        }
      }
    }
    return made;
  }();
  return all;
}

}  // namespace

TEST_CASE("quick decoder: what it knows it decodes as the full one does") {
  std::mt19937 random(3);
  u64 known = 0, all = 0;
  for (const auto& prefix : prefixes()) {
    for (u32 opcode = 0; opcode < 512; ++opcode) {
      for (u32 modrm = 0; modrm < 256; ++modrm) {
        const bool sib = (modrm & 7) == 4 && modrm < 0xc0;
        for (u32 rest = 0; rest < (sib ? 8 : 1); ++rest) {
          auto bytes = prefix;
          if (opcode >= 256) bytes.push_back(0x0f);
          bytes.push_back(static_cast<u8>(opcode));
          bytes.push_back(static_cast<u8>(modrm));
          bytes.push_back(static_cast<u8>(random() << 3 | rest));  // SIB: every base
          while (bytes.size() < 15 + prefix.size()) bytes.push_back(static_cast<u8>(random()));
          bytes.resize(15);
          ++all;
          known += same(bytes) ? 1 : 0;
        }
      }
    }
  }
  MESSAGE(known << " of " << all << " forms");
  CHECK(known > all / 8);
  CHECK(same({0xf3, 0x0f, 0x1e, 0xfa, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("quick decoder: random bytes") {
  std::mt19937 random(4);
  u64 known = 0;
  for (u32 i = 0; i < 1'000'000; ++i) {
    std::vector<u8> bytes(15);
    for (auto& b : bytes) b = static_cast<u8>(random());
    known += same(bytes) ? 1 : 0;
  }
  CHECK(known > 100'000);
}

}  // namespace fred
