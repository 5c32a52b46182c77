#include "core/translate/accesses.h"

#include <algorithm>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"

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

/// bt, bts, btr, btc with a register: they reach far from their operand.
bool is_bit_string(const Instruction& i, const Operands& operands) {
  switch (i.raw.mnemonic) {
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC:
      return operands.operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
    default:
      return false;
  }
}

/// Addresses that come from more than the operand says.
bool irregular(const Instruction& i, const Operands& operands) {
  if (is_bit_string(i, operands)) return true;
  switch (i.raw.mnemonic) {
    case ZYDIS_MNEMONIC_ENTER:
    case ZYDIS_MNEMONIC_XLAT:
    case ZYDIS_MNEMONIC_CLZERO:
      return true;
    default:
      return false;
  }
}

bool writes_partly(const Instruction& i, const ZydisDecodedOperand& o) {
  if ((o.actions & ZYDIS_OPERAND_ACTION_CONDWRITE) != 0) return true;
  if (i.raw.avx.mask.reg != ZYDIS_REGISTER_NONE && i.raw.avx.mask.reg != ZYDIS_REGISTER_K0) return true;
  switch (i.raw.mnemonic) {
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVPS:
    case ZYDIS_MNEMONIC_VMASKMOVPD:
    case ZYDIS_MNEMONIC_VPMASKMOVD:
    case ZYDIS_MNEMONIC_VPMASKMOVQ:
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
  a.partly = a.writes && writes_partly(i, o);
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
  if (implied && i.raw.mnemonic == ZYDIS_MNEMONIC_MOVDIR64B) {
    a.segment = Access::Segment::flat;  // es, whatever the prefixes
  } else if (implied && a.base == rsp) {
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

bool is_simple(const Instruction& i, const Operands& operands, const ZydisDecodedOperand& o) {
  return o.mem.type == ZYDIS_MEMOP_TYPE_MEM && !irregular(i, operands) && o.size != 0 && o.size / 8 <= largest_access;
}

/// The decoder does not say how much that reads: at most the whole area.
bool restores_vectors(const Instruction& i) {
  return i.raw.mnemonic == ZYDIS_MNEMONIC_XRSTOR || i.raw.mnemonic == ZYDIS_MNEMONIC_XRSTOR64;
}

/// How far from its operand the word lies that holds the bit.
i64 bit_string_offset(const Registers& registers, const ZydisDecodedOperand& bit) {
  const u64 value = registers.gpr[*general(bit.reg.value)];
  if (bit.size == 16) return (static_cast<i16>(value) >> 4) * 2;
  if (bit.size == 32) return i64{static_cast<i32>(value) >> 5} * 4;
  return (static_cast<i64>(value) >> 6) * 8;
}

/// Bytes of an index in the vector register, and of an element.
struct GatherForm {
  ZydisMnemonic mnemonic;
  u8 index, element;
};
constexpr GatherForm gathers[] = {
    {ZYDIS_MNEMONIC_VPGATHERDD, 4, 4},  {ZYDIS_MNEMONIC_VPGATHERDQ, 4, 8},  {ZYDIS_MNEMONIC_VPGATHERQD, 8, 4},
    {ZYDIS_MNEMONIC_VPGATHERQQ, 8, 8},  {ZYDIS_MNEMONIC_VGATHERDPS, 4, 4},  {ZYDIS_MNEMONIC_VGATHERDPD, 4, 8},
    {ZYDIS_MNEMONIC_VGATHERQPS, 8, 4},  {ZYDIS_MNEMONIC_VGATHERQPD, 8, 8},  {ZYDIS_MNEMONIC_VPSCATTERDD, 4, 4},
    {ZYDIS_MNEMONIC_VPSCATTERDQ, 4, 8}, {ZYDIS_MNEMONIC_VPSCATTERQD, 8, 4}, {ZYDIS_MNEMONIC_VPSCATTERQQ, 8, 8},
    {ZYDIS_MNEMONIC_VSCATTERDPS, 4, 4}, {ZYDIS_MNEMONIC_VSCATTERDPD, 4, 8}, {ZYDIS_MNEMONIC_VSCATTERQPS, 8, 4},
    {ZYDIS_MNEMONIC_VSCATTERQPD, 8, 8},
};

/// Components of the XSAVE area.
constexpr u32 sse = 1, upper_ymm = 2, masks = 5, upper_zmm = 6, zmm16_to_31 = 7;

/// Otherwise its instructions raise #UD.
bool has_avx512(std::span<const u8> area) {
  return std::ranges::all_of(std::initializer_list<u32>{masks, upper_zmm, zmm16_to_31}, [&](u32 number) {
    const auto component = xsave_component(number);
    return component.size != 0 && component.offset + component.size <= area.size();
  });
}

/// An element of a vector register, sign-extended.
i64 vector_element(std::span<const u8> area, ZydisRegister r, u32 number, u32 size) {
  const u64 which = static_cast<u64>(ZydisRegisterGetId(r)), at = u64{number} * size;
  u64 from;
  if (which >= 16) {
    from = xsave_component(zmm16_to_31).offset + (which - 16) * 64 + at;
  } else if (at < 16) {
    from = xsave_component(sse).offset + which * 16 + at;
  } else if (at < 32) {
    from = xsave_component(upper_ymm).offset + which * 16 + at - 16;
  } else {
    from = xsave_component(upper_zmm).offset + which * 32 + at - 32;
  }
  i32 narrow;
  i64 wide;
  if (size == 4) {
    std::memcpy(&narrow, &area[from], sizeof narrow);
    return narrow;
  }
  std::memcpy(&wide, &area[from], sizeof wide);
  return wide;
}

u64 mask_register(std::span<const u8> area, ZydisRegister r) {
  u64 mask;
  std::memcpy(&mask, &area[xsave_component(masks).offset + static_cast<u64>(ZydisRegisterGetId(r)) * 8], sizeof mask);
  return mask;
}

/// The elements whose mask bit is set: a bit of a mask register or, with VEX, the sign of the mask's element.
void find_gathered(const Instruction& i, const Operands& operands, const ZydisDecodedOperand& memory,
                   const Registers& registers, std::span<const u8> area, std::vector<Touched>& found) {
  const auto* form = std::ranges::find(gathers, i.raw.mnemonic, &GatherForm::mnemonic);
  const bool evex = i.raw.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX;
  if (form == std::end(gathers) || (evex && !has_avx512(area))) return;
  auto base = access_of(i, memory);
  base.narrow = false;
  const auto bytes = [](ZydisRegister r) { return u32{ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, r)} / 8; };
  const auto index = memory.mem.index, data = operands.operand[base.writes ? 2 : 0].reg.value;
  const u32 count = std::min(bytes(data) / form->element, bytes(index) / form->index);
  const u64 mask = evex ? mask_register(area, i.raw.avx.mask.reg) : 0;
  for (u32 n = 0; n < count; ++n) {
    const bool wanted =
        evex ? (mask >> n & 1) != 0 : vector_element(area, operands.operand[2].reg.value, n, form->element) < 0;
    if (!wanted) continue;
    const u64 offset = static_cast<u64>(vector_element(area, index, n, form->index)) * memory.mem.scale;
    const u64 at = address_of(base, registers) + offset;
    const auto address = i.raw.address_width == 32 ? GuestAddr{at & 0xffffffff} : GuestAddr{at};
    found.push_back({.range = guest_range(address, form->element), .reads = base.reads, .writes = base.writes});
  }
}

/// rbp and, with a nesting level, the pointers to enclosing frames (which it reads below rbp) and to the new one.
void find_entered(const Instruction& i, const Operands& operands, const Registers& registers,
                  std::vector<Touched>& found) {
  const u64 level = operands.operand[1].imm.value.u % 32, size = i.raw.operand_width / 8;
  const u64 pushed = (1 + level) * size, copied = level > 1 ? (level - 1) * size : 0;
  const auto below = [](u64 end, u64 bytes) { return guest_range(GuestAddr{end - bytes}, bytes); };
  found.push_back({.range = below(registers.gpr[rsp], pushed), .reads = false, .writes = true});
  if (copied != 0) found.push_back({.range = below(registers.gpr[rbp], copied), .reads = true, .writes = false});
}

}  // namespace

Accesses accesses_of(const Instruction& i, std::span<const u8> code) {
  Accesses found;
  if (i.flow == Flow::effect || only_hints(i)) return found;
  const auto operands = decode_operands(i, code);
  for (const auto& o : operands.all()) {
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || o.mem.type == ZYDIS_MEMOP_TYPE_AGEN) continue;
    if (is_simple(i, operands, o) && found.count < std::size(found.access)) {
      found.access[found.count++] = access_of(i, o);
    } else {
      found.other = true;
    }
  }
  return found;
}

std::vector<Touched> other_accesses(const Instruction& i, std::span<const u8> code, const Registers& registers,
                                    std::span<const u8> vector_area) {
  std::vector<Touched> found;
  const auto operands = decode_operands(i, code);
  for (const auto& o : operands.all()) {
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || o.mem.type == ZYDIS_MEMOP_TYPE_AGEN || is_simple(i, operands, o))
      continue;
    if (o.mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
      find_gathered(i, operands, o, registers, vector_area, found);
      continue;
    }
    if (i.raw.mnemonic == ZYDIS_MNEMONIC_ENTER) {
      find_entered(i, operands, registers, found);
      continue;
    }
    const auto a = access_of(i, o);
    u64 at = address_of(a, registers);
    if (is_bit_string(i, operands)) {
      at += static_cast<u64>(bit_string_offset(registers, operands.operand[1]));
    } else if (i.raw.mnemonic == ZYDIS_MNEMONIC_XLAT) {
      Access table = a;  // [rbx + al]
      table.index.reset();
      at = address_of(table, registers) + (registers.gpr[rax] & 0xff);
    } else if (irregular(i, operands) || (o.size == 0 && !restores_vectors(i))) {
      continue;
    }
    if (a.narrow && a.segment == Access::Segment::flat) at &= 0xffffffff;
    found.push_back({.range = guest_range(GuestAddr{at}, o.size == 0 ? vector_area.size() : a.size),
                     .reads = a.reads,
                     .writes = a.writes,
                     .partly = a.partly});
  }
  return found;
}

u16 written_registers(const Instruction& instruction, std::span<const u8> code) {
  u16 registers = 0;
  const auto operands = decode_operands(instruction, code);
  // The decoder does not say that those move on.
  const bool moves_on = instruction.raw.meta.category == ZYDIS_CATEGORY_STRINGOP;
  for (const auto& o : operands.all()) {
    std::optional<Gpr> written;
    if (o.type == ZYDIS_OPERAND_TYPE_MEMORY && moves_on) written = general(o.mem.base);
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER && (o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) {
      written = general(o.reg.value);
    }
    if (written) registers |= static_cast<u16>(1u << *written);
  }
  return registers;
}

bool moves_stack_pointer_a_little(const Instruction& i) {
  switch (i.raw.mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFQ:
    case ZYDIS_MNEMONIC_CALL:
    case ZYDIS_MNEMONIC_RET:
      return true;
    case ZYDIS_MNEMONIC_POP: {
      constexpr u8 pop_rsp = 0x5c;
      return i.raw.opcode != pop_rsp || i.raw.raw.rex.B != 0;
    }
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_SUB:
    case ZYDIS_MNEMONIC_AND:
      return i.raw.raw.imm[0].size != 0;
    default:
      return false;
  }
}

GuestRange repeated_range(u64 start, u64 size, u64 iterations, bool down) {
  const u64 bytes = size * iterations;
  return down ? guest_range(GuestAddr{start + size - bytes}, bytes) : guest_range(GuestAddr{start}, bytes);
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
