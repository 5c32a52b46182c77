#include "tests/fuzz/instructions.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"
#include "core/translate/instruction.h"

namespace fred::fuzz {

namespace {

/// What must not be executed for reasons of this test: it changes what both executions share (segments,
/// keys), the kernel emulates it with a line in its log, or its operands say too little.
constexpr ZydisMnemonic unwanted[] = {
    ZYDIS_MNEMONIC_XRSTOR, ZYDIS_MNEMONIC_XRSTOR64, ZYDIS_MNEMONIC_XRSTORS, ZYDIS_MNEMONIC_XRSTORS64,
    ZYDIS_MNEMONIC_SGDT,   ZYDIS_MNEMONIC_SIDT,     ZYDIS_MNEMONIC_SLDT,    ZYDIS_MNEMONIC_STR,
    ZYDIS_MNEMONIC_SMSW,   ZYDIS_MNEMONIC_LFS,      ZYDIS_MNEMONIC_LGS,     ZYDIS_MNEMONIC_LSS,
    ZYDIS_MNEMONIC_ENTER,  ZYDIS_MNEMONIC_LEAVE,
};

/// Moves of the stack pointer that stay within the stack of a case.
constexpr ZydisMnemonic stack_moves[] = {ZYDIS_MNEMONIC_PUSH, ZYDIS_MNEMONIC_POP, ZYDIS_MNEMONIC_PUSHFQ,
                                         ZYDIS_MNEMONIC_PUSHF};

constexpr bool is_bit_test(ZydisMnemonic m) {
  return m == ZYDIS_MNEMONIC_BT || m == ZYDIS_MNEMONIC_BTS || m == ZYDIS_MNEMONIC_BTR || m == ZYDIS_MNEMONIC_BTC;
}

int general_register(ZydisRegister r) {
  const auto full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
  return full >= ZYDIS_REGISTER_RAX && full <= ZYDIS_REGISTER_R15 ? full - ZYDIS_REGISTER_RAX : -1;
}

bool small(Role role) { return role == Role::index || role == Role::counter; }
bool address(Role role) {
  return role == Role::pointer || role == Role::bad_pointer || role == Role::stack || role == Role::table;
}

}  // namespace

u8 InstructionMaker::pick(Role role) {
  u8 found[16];
  u32 n = 0;
  for (u8 r = 0; r < 16; ++r) {
    if (roles_[r] == role) found[n++] = r;
  }
  return n != 0 ? found[random_.below(n)] : u8{255};
}

u64 InstructionMaker::relative_target() {
  const auto region = random_.of({Region::near, Region::near, Region::far_above, Region::far_below, Region::table});
  const auto at = places_[region].value != 0 ? places_[region] : places_[Region::near];
  return at.value + (random_.chance(60) ? 64 * random_.below(63) : random_.below(page_size - 64));
}

void InstructionMaker::memory_operand(std::vector<u8>& bytes, u8 reg, u8& rex_xb, Piece& piece, bool segment_base) {
  const u32 kind = random_.below(100);
  const auto modrm = [&](u32 mod, u32 rm) { bytes.push_back(static_cast<u8>(mod << 6 | (reg & 7u) << 3 | rm)); };
  const auto disp32 = [&](u32 v) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<u8>(v >> 8 * i));
  };
  const i32 offset = random_.chance(50)   ? 0
                     : random_.chance(60) ? 64 * random_.between(-8, 8)
                                          : random_.between(-500, 500);
  rex_xb = 0;
  if (kind < 18 && !segment_base) {
    modrm(0, 5);
    piece.displacement = static_cast<u32>(bytes.size());
    piece.target = relative_target();
    disp32(0);
    return;
  }
  const u8 indexer = random_.chance(60) ? pick(Role::index) : pick(Role::counter);
  if (kind < 22 && (segment_base || places_.low_scratch())) {  // absolute
    modrm(0, 4), bytes.push_back(0x25);
    disp32(segment_base ? static_cast<u32>(offset)
                        : static_cast<u32>(places_[Region::scratch].value + page_size) + static_cast<u32>(offset));
    return;
  }
  u8 base = segment_base ? indexer
                         : pick(random_.chance(12)  ? Role::stack
                                : random_.chance(4) ? Role::table
                                                    : Role::pointer);
  if (!segment_base && random_.chance(2) && pick(Role::bad_pointer) != 255) base = pick(Role::bad_pointer);
  if (base == 255) base = rsp;
  const bool with_index = indexer != 255 && indexer != rsp && random_.chance(30);
  u32 mod = random_.below(3);
  if (mod == 0 && (base & 7) == 5) mod = 1;
  const bool sib = with_index || (base & 7) == 4 || random_.chance(5);
  modrm(mod, sib ? 4 : base & 7);
  if (sib) {
    const u32 scale = random_.below(4);
    bytes.push_back(static_cast<u8>(scale << 6 | (with_index ? indexer & 7u : 4u) << 3 | (base & 7u)));
    if (with_index && indexer >= 8) rex_xb |= 2;
  }
  if (base >= 8) rex_xb |= 1;
  if (mod == 1) bytes.push_back(static_cast<u8>(random_.between(-32, 31) * (random_.chance(50) ? 0 : 1)));
  if (mod == 2) disp32(static_cast<u32>(offset));
}

Piece InstructionMaker::encode() {
  Piece piece;
  auto& b = piece.bytes;
  enum { legacy, vex, evex } form = legacy;
  const u32 dice = random_.below(100);
  if (dice >= 90 && features_.avx512()) {
    form = evex;
  } else if (dice >= 72) {
    form = vex;
  }
  bool segment_base = false;
  if (random_.chance(4)) segment_base = true, b.push_back(random_.of<u8>({0x64, 0x65}));
  if (random_.chance(2)) b.push_back(random_.of<u8>({0x26, 0x2e, 0x36, 0x3e}));
  if (random_.chance(4)) b.push_back(0x67);
  if (form == legacy) {
    if (random_.chance(18)) b.push_back(0x66);
    if (random_.chance(18)) b.push_back(random_.of<u8>({0xf2, 0xf3}));
    if (random_.chance(4)) b.push_back(0xf0);
    if (b.size() > 1) std::swap(b[random_.below(static_cast<u32>(b.size()))], b[0]);
  }

  // The operand first: the bits that REX, VEX and EVEX add come before it.
  const u8 opcode = random_.byte();
  const u8 reg = random_.byte() & 15;
  std::vector<u8> operand;
  u8 xb = 0;
  if (random_.chance(50)) {
    memory_operand(operand, reg, xb, piece, segment_base);
  } else {
    operand.push_back(static_cast<u8>(0xc0 | random_.byte()));
    xb = random_.byte() & 3;
    if (form == legacy && random_.chance(40)) xb = 0;
  }
  const u8 r = reg >> 3, x = xb >> 1, base = xb & 1, w = random_.byte() & 1;
  switch (form) {
    case legacy: {
      if (const u8 rex = static_cast<u8>(w << 3 | r << 2 | xb); rex != 0 || random_.chance(20)) {
        b.push_back(static_cast<u8>(0x40 | rex));
      }
      const u32 map = random_.below(100);
      if (map >= 60) b.push_back(0x0f);
      if (map >= 88) b.push_back(map >= 95 ? 0x3a : 0x38);
      break;
    }
    case vex: {
      const u8 vvvv = random_.chance(30) ? 15 : random_.byte() & 15;
      const u8 low = static_cast<u8>(vvvv << 3 | (random_.byte() & 1) << 2 | (random_.byte() & 3));
      if (xb == 0 && random_.chance(50)) {
        b.insert(b.end(), {0xc5, static_cast<u8>((r ^ 1) << 7 | low)});
      } else {
        const u8 map = random_.of<u8>({1, 2, 2, 3});
        b.insert(b.end(), {0xc4, static_cast<u8>((r ^ 1) << 7 | (x ^ 1) << 6 | (base ^ 1) << 5 | map),
                           static_cast<u8>(w << 7 | low)});
      }
      break;
    }
    case evex: {
      const u8 map = random_.of<u8>({1, 2, 2, 3, 5, 6});
      const bool high_r = random_.chance(30), vvvv_used = random_.chance(70);
      b.insert(
          b.end(),
          {0x62, static_cast<u8>((r ^ 1) << 7 | (x ^ 1) << 6 | (base ^ 1) << 5 | (high_r ? 0 : 0x10) | map),
           static_cast<u8>(w << 7 | (vvvv_used ? random_.byte() & 15 : 15) << 3 | 4 | (random_.byte() & 3)),
           static_cast<u8>((random_.chance(20) ? 0x80 : 0) | random_.below(3) << 5 | (random_.chance(20) ? 0x10 : 0) |
                           (vvvv_used && random_.chance(30) ? 0 : 8) | (random_.chance(50) ? random_.below(8) : 0))});
      break;
    }
  }
  b.push_back(opcode);
  if (piece.displacement != 0) piece.displacement += static_cast<u32>(b.size());
  b.insert(b.end(), operand.begin(), operand.end());
  const u32 immediates = random_.chance(70) ? 8 : 12;
  for (u32 i = 0; i < immediates; ++i) b.push_back(random_.chance(30) ? 0 : random_.byte());
  return piece;
}

namespace {

/// Zen 4 gives EVEX instructions that read rsp as a source (vpbroadcastq zmm16, rsp) sometimes its value from before a
/// push or call just executed: the same code natively gives this or that (observed; no list of the vendor's names it).
bool reads_stale_stack_pointer(const Instruction& i, std::span<const u8> code) {
  if (processor_is_intel() || i.raw.encoding != ZYDIS_INSTRUCTION_ENCODING_EVEX) return false;
  const auto operands = decode_operands(i, code);
  return std::ranges::any_of(operands.all(), [](const ZydisDecodedOperand& o) {
    return o.type == ZYDIS_OPERAND_TYPE_REGISTER && general_register(o.reg.value) == rsp;
  });
}

}  // namespace

bool InstructionMaker::allowed(const Piece& piece) const {
  const auto i = decode(GuestAddr{0x1000}, piece.bytes);
  if (!i || i->length != piece.bytes.size() || i->flow != Flow::next || !features_.has(i->raw)) return false;
  const auto& raw = i->raw;
  if ((raw.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0) return false;
  if (raw.meta.category == ZYDIS_CATEGORY_IO || raw.meta.category == ZYDIS_CATEGORY_IOSTRINGOP) return false;
  if (raw.meta.category == ZYDIS_CATEGORY_INTERRUPT || raw.mnemonic == ZYDIS_MNEMONIC_UD0 ||
      raw.mnemonic == ZYDIS_MNEMONIC_UD1 || raw.mnemonic == ZYDIS_MNEMONIC_UD2) {
    return false;
  }
  if (std::find(std::begin(unwanted), std::end(unwanted), raw.mnemonic) != std::end(unwanted)) return false;
  if (i->rip_relative != (piece.displacement != 0)) return false;
  if (i->rip_relative && raw.address_width == 32 && !places_.low_code()) return false;
  const bool string = raw.meta.category == ZYDIS_CATEGORY_STRINGOP;
  const bool moves_stack =
      std::find(std::begin(stack_moves), std::end(stack_moves), raw.mnemonic) != std::end(stack_moves);
  if (reads_stale_stack_pointer(*i, piece.bytes)) return false;
  if (i->repeated) return false;  // how often is decided elsewhere (generator.cpp)
  const auto operands = decode_operands(*i, piece.bytes);
  for (int k = 0; k < raw.operand_count; ++k) {
    const auto& o = operands.operand[k];
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER && (o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) {
      if (ZydisRegisterGetClass(o.reg.value) == ZYDIS_REGCLASS_SEGMENT) return false;
      const int r = general_register(o.reg.value);
      if (r < 0) continue;
      const Role role = roles_[static_cast<u32>(r)];
      if (role == Role::free) continue;
      const bool implicit = o.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
      if (role == Role::stack && moves_stack && implicit) continue;
      if (string && implicit && (role == Role::pointer || role == Role::bad_pointer) && (r == rsi || r == rdi))
        continue;
      return false;
    }
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || o.mem.type == ZYDIS_MEMOP_TYPE_AGEN) continue;
    if (o.mem.type == ZYDIS_MEMOP_TYPE_VSIB) return false;
    if (is_bit_test(raw.mnemonic) && operands.operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const int bit = general_register(operands.operand[1].reg.value);
      if (bit < 0 || !small(roles_[static_cast<u32>(bit)])) return false;
    }
    const bool segment = o.mem.segment == ZYDIS_REGISTER_FS || o.mem.segment == ZYDIS_REGISTER_GS;
    if (o.mem.base == ZYDIS_REGISTER_RIP || o.mem.base == ZYDIS_REGISTER_EIP) {
      if (segment) return false;
      continue;
    }
    constexpr i64 farthest = 2048;
    if (o.mem.disp.has_displacement && (segment || o.mem.base != ZYDIS_REGISTER_NONE) &&
        (o.mem.disp.value > farthest || o.mem.disp.value < -farthest)) {
      return false;
    }
    const int base = general_register(o.mem.base), index = general_register(o.mem.index);
    const Role role = base >= 0 ? roles_[static_cast<u32>(base)] : Role::free;
    if (segment) {
      if (base >= 0 && !small(role)) return false;
    } else if (base < 0) {
      if (!places_.low_scratch() || o.mem.disp.value < static_cast<i64>(places_[Region::scratch].value) ||
          o.mem.disp.value >= static_cast<i64>(places_[Region::scratch].value + 2 * page_size)) {
        return false;
      }
    } else {
      if (!address(role)) return false;
      if (raw.address_width == 32 && role != Role::pointer) return false;
      if (raw.address_width == 32 && !places_.low_scratch()) return false;
    }
    const bool narrow = o.mem.index == ZYDIS_REGISTER_AL;  // xlat
    if (index >= 0 && !narrow && !small(roles_[static_cast<u32>(index)])) return false;
  }
  return true;
}

Piece InstructionMaker::any() {
  for (;;) {
    auto piece = encode();
    const auto i = decode(GuestAddr{0x1000}, piece.bytes);
    if (!i) continue;
    if (piece.displacement + 4 > i->length) piece.displacement = 0;  // bytes that became something else
    piece.bytes.resize(i->length);
    if (allowed(piece)) return piece;
  }
}

namespace {

/// In a VEX or EVEX form with reserved bits, or with a lock prefix (lock verw): AMD's processors execute some that are
/// no instruction for Intel's and for our decoder (README, QUIRKS).
bool depends_on_vendor(std::span<const u8> bytes) {
  constexpr std::array<u8, 4> marks{0xc4, 0xc5, 0x62, 0xf0};
  return !processor_is_intel() && std::ranges::find_first_of(bytes, marks) != bytes.end();
}

}  // namespace

Piece InstructionMaker::none() {
  for (;;) {
    auto piece = encode();
    piece.displacement = 0;
    Instruction none;
    if (decode(GuestAddr{0x1000}, piece.bytes, none) == Decoded::invalid && !depends_on_vendor(piece.bytes)) {
      piece.bytes.resize(std::min<std::size_t>(piece.bytes.size(), 15));
      return piece;
    }
  }
}

}  // namespace fred::fuzz
