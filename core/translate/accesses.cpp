#include "core/translate/accesses.h"

namespace fred {

namespace {

std::optional<Gpr> general(ZydisRegister r) {
  const auto full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
  if (full < ZYDIS_REGISTER_RAX || full > ZYDIS_REGISTER_R15) return std::nullopt;
  return static_cast<Gpr>(full - ZYDIS_REGISTER_RAX);
}

/// Names memory without reading or writing it.
bool only_hints(const Instruction& i) {
  switch (i.raw.meta.category) {
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
    case ZYDIS_CATEGORY_PREFETCH:
    case ZYDIS_CATEGORY_PREFETCHWT1:
    case ZYDIS_CATEGORY_CLDEMOTE:
      return true;
    default:
      break;
  }
  switch (i.raw.mnemonic) {
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB:
      return true;
    default:
      return false;
  }
}

/// Addresses that come from more than the operand says.
bool irregular(const Instruction& i) {
  switch (i.raw.mnemonic) {
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC:  // with a register they reach far from their operand
    case ZYDIS_MNEMONIC_ENTER:
    case ZYDIS_MNEMONIC_XLAT:
    case ZYDIS_MNEMONIC_MOVDIR64B:
    case ZYDIS_MNEMONIC_CLZERO:
      return true;
    default:
      return false;
  }
}

Access access_of(const Instruction& i, const ZydisDecodedOperand& o) {
  const auto& m = o.mem;
  Access a;
  a.size = o.size / 8;
  a.reads = (o.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  a.writes = (o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  a.narrow = i.raw.address_width == 32;
  if (m.segment == ZYDIS_REGISTER_FS) a.segment = Access::Segment::fs;
  if (m.segment == ZYDIS_REGISTER_GS) a.segment = Access::Segment::gs;
  if (i.rip_relative && o.visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN) {
    a.absolute = i.target.value;
    return a;
  }
  a.base = general(m.base);
  a.index = general(m.index);
  a.scale = m.index == ZYDIS_REGISTER_NONE ? 1 : m.scale;
  a.displacement = m.disp.has_displacement ? static_cast<i32>(m.disp.value) : 0;
  const bool implied = o.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  if (implied && a.base == rsp) {
    if (i.raw.mnemonic == ZYDIS_MNEMONIC_LEAVE) {
      a.base = rbp;
    } else if (a.writes) {  // a push
      a.displacement -= static_cast<i32>(a.size);
      a.narrow = false;
    } else {
      a.narrow = false;
    }
  } else if (i.raw.mnemonic == ZYDIS_MNEMONIC_POP && a.base == rsp) {  // an address with rsp is formed after the pop
    a.displacement += static_cast<i32>(a.size);
  }
  return a;
}

}  // namespace

Accesses accesses_of(const Instruction& i, std::span<const u8> code) {
  Accesses found;
  if (i.flow == Flow::effect || only_hints(i)) return found;
  const auto operands = decode_operands(i, code);
  for (int k = 0; k < i.raw.operand_count; ++k) {
    const auto& o = operands.operand[k];
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || o.mem.type == ZYDIS_MEMOP_TYPE_AGEN) continue;
    const bool simple = o.mem.type == ZYDIS_MEMOP_TYPE_MEM && !irregular(i) && o.size != 0 &&
                        o.size / 8 <= largest_access && found.count < std::size(found.access);
    if (simple) {
      found.access[found.count++] = access_of(i, o);
    } else {
      found.other = true;
    }
  }
  return found;
}

u64 address_of(const Access& a, const Registers& registers) {
  u64 address = a.absolute.value_or(static_cast<u64>(static_cast<i64>(a.displacement)));
  if (a.base) address += registers.gpr[*a.base];
  if (a.index) address += registers.gpr[*a.index] * a.scale;
  if (a.narrow) address &= 0xffffffff;
  if (a.segment == Access::Segment::fs) address += registers.fs_base;
  if (a.segment == Access::Segment::gs) address += registers.gs_base;
  return address;
}

}  // namespace fred
