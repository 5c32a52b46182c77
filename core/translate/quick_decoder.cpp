#include "core/translate/quick_decoder.h"

#include <array>
#include <cstring>

namespace fred {

namespace {

enum Parts : u8 {
  unknown = 0,
  nothing = 1,
  modrm = 2,
  memory = 4 | modrm,
  imm8 = 8,
  immz = 16,
  immv = 32,
  test = 64,
};

struct Form {
  u8 parts = unknown;
  u8 regs = 0xff;
};

enum Map : u8 { one, none, p66, pF3, pF2, maps };

constexpr auto forms = [] {
  std::array<std::array<Form, 256>, maps> table{};
#define FORM(map, first, last, parts, mask) \
  for (u32 opcode = first; opcode <= last; ++opcode) table[map][opcode] = {static_cast<u8>(parts), mask};
#include "core/translate/quick_forms.def"
#undef FORM
  return table;
}();

template <class T>
T value_at(const u8* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// What follows ModRM of an operand in memory: the SIB byte and the displacement.
struct Tail {
  u8 sib, displacement;
};
Tail tail_of(u8 mod, u8 rm, u8 sib) {
  if (mod == 3) return {0, 0};
  const u8 has_sib = rm == 4 ? 1 : 0;
  if (mod == 1) return {has_sib, 1};
  if (mod == 2) return {has_sib, 4};
  const bool bare = has_sib != 0 ? (sib & 7) == 5 : rm == 5;
  return {has_sib, static_cast<u8>(bare ? 4 : 0)};
}

void set(Instruction& to, GuestAddr pc, u64 length, Flow flow) {
  to.pc = pc;
  to.length = static_cast<u8>(length);
  to.flow = flow;
  to.effect = Effect::none;
  to.rip_relative = to.repeated = false;
  to.raw.length = to.length;
  to.raw.address_width = 64;
  to.raw.raw.prefix_count = 0;
  to.raw.operand_count_visible = 0;  // ret
}

/// Without prefixes.
bool transfer(GuestAddr pc, const u8* code, Instruction& to) {
  const u8 opcode = code[0];
  const auto direct = [&](u64 length, Flow flow, i64 displacement) {
    set(to, pc, length, flow);
    to.target = to.next() + static_cast<u64>(displacement);
    return true;
  };
  const auto branch = [&](u64 length, u8 condition, i64 displacement) {
    to.condition = condition & 15;
    return direct(length, Flow::branch, displacement);
  };
  if ((opcode & 0xf0) == 0x70) return branch(2, opcode, value_at<signed char>(code + 1));
  switch (opcode) {
    case 0x0f:
      return (code[1] & 0xf0) == 0x80 && branch(6, code[1], value_at<i32>(code + 2));
    case 0xc3:
      set(to, pc, 1, Flow::ret);
      return true;
    case 0xe8:
      return direct(5, Flow::call, value_at<i32>(code + 1));
    case 0xe9:
      return direct(5, Flow::jump, value_at<i32>(code + 1));
    case 0xeb:
      return direct(2, Flow::jump, value_at<signed char>(code + 1));
    default:
      return false;
  }
}

}  // namespace

bool quick_decode(GuestAddr pc, std::span<const u8> code, Instruction& to) {
  const u8* const begin = code.data();
  if (transfer(pc, begin, to)) return true;
  constexpr u8 endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
  if (std::memcmp(begin, endbr64, sizeof endbr64) == 0) {
    set(to, pc, sizeof endbr64, Flow::next);
    return true;
  }

  const u8* at = begin;
  if (*at == 0x64) ++at;  // fs
  u8 prefix = 0;
  if (*at == 0x66 || *at == 0xf2 || *at == 0xf3) prefix = *at++;
  u8 rex = 0;
  if ((*at & 0xf0) == 0x40) rex = *at++;
  Map map = one;
  if (*at == 0x0f) {
    map = prefix == 0 ? none : prefix == 0x66 ? p66 : prefix == 0xf3 ? pF3 : pF2;
    ++at;
  } else if (prefix == 0xf2 || prefix == 0xf3) {
    return false;
  }
  const auto form = forms[map][*at++];
  if (form.parts == unknown) return false;

  u64 immediate = 0;
  const bool wide = (rex & 8) != 0;
  const u64 z = prefix == 0x66 && map == one && !wide ? 2 : 4;
  if ((form.parts & imm8) != 0) immediate = 1;
  if ((form.parts & immz) != 0) immediate = z;
  if ((form.parts & immv) != 0) immediate = wide ? 8 : z;

  set(to, pc, 0, Flow::next);
  if ((form.parts & modrm) != 0) {
    const u8 byte = *at, mod = byte >> 6, reg = byte >> 3 & 7, rm = byte & 7;
    if ((form.regs >> reg & 1) == 0 || ((form.parts & memory) == memory && mod == 3)) return false;
    if ((form.parts & test) != 0 && reg > 1) immediate = 0;
    to.raw.raw.modrm.offset = static_cast<u8>(at - begin);
    ++at;
    const auto tail = tail_of(mod, rm, *at);
    at += tail.sib;
    to.raw.raw.disp.offset = static_cast<u8>(at - begin);
    to.rip_relative = mod == 0 && rm == 5;
    if (to.rip_relative) to.raw.raw.disp.value = value_at<i32>(at);
    at += tail.displacement;
  }
  at += immediate;
  to.length = to.raw.length = static_cast<u8>(at - begin);
  if (to.rip_relative) to.target = to.next() + static_cast<u64>(to.raw.raw.disp.value);
  return true;
}

}  // namespace fred
