#include "core/translate/word_operation.h"

#include <algorithm>

namespace fred {

namespace {

constexpr u64 carry_flag = 1;

constexpr ZydisMnemonic known[] = {
    ZYDIS_MNEMONIC_ADD, ZYDIS_MNEMONIC_ADC,  ZYDIS_MNEMONIC_SUB,  ZYDIS_MNEMONIC_SBB,        ZYDIS_MNEMONIC_AND,
    ZYDIS_MNEMONIC_OR,  ZYDIS_MNEMONIC_XOR,  ZYDIS_MNEMONIC_INC,  ZYDIS_MNEMONIC_DEC,        ZYDIS_MNEMONIC_NOT,
    ZYDIS_MNEMONIC_NEG, ZYDIS_MNEMONIC_XADD, ZYDIS_MNEMONIC_XCHG, ZYDIS_MNEMONIC_CMPXCHG,    ZYDIS_MNEMONIC_CMPXCHG8B,
    ZYDIS_MNEMONIC_BTS, ZYDIS_MNEMONIC_BTR,  ZYDIS_MNEMONIC_BTC,  ZYDIS_MNEMONIC_CMPXCHG16B,
};

u64 register_value(ZydisRegister r, const Registers& registers) {
  if (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH) return registers.gpr[r - ZYDIS_REGISTER_AH] >> 8;
  const auto full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
  return registers.gpr[full - ZYDIS_REGISTER_RAX];
}

Word two(u64 high, u64 low) { return Word{high} << 64 | low; }
Word two_halves(u64 high, u64 low) { return static_cast<u32>(low) | Word{static_cast<u32>(high)} << 32; }

}  // namespace

std::optional<WordOperation> WordOperation::of(const Instruction& i, std::span<const u8> code, const Registers& regs,
                                               u64 size) {
  if (std::ranges::find(known, i.raw.mnemonic) == std::end(known)) return std::nullopt;
  WordOperation operation;
  operation.mnemonic_ = i.raw.mnemonic;
  operation.bits_ = size * 8;
  operation.carry_ = (regs.rflags & carry_flag) != 0;
  const auto operands = decode_operands(i, code);
  for (const auto& o : operands.all()) {
    if (o.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN) continue;
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER) operation.source_ = register_value(o.reg.value, regs);
    if (o.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) operation.source_ = o.imm.value.u;  // sign-extended
  }
  const auto& g = regs.gpr;
  operation.compared_ = g[rax];
  if (i.raw.mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B) {
    operation.source_ = two_halves(g[rcx], g[rbx]);
    operation.compared_ = two_halves(g[rdx], g[rax]);
  } else if (i.raw.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B) {
    operation.source_ = two(g[rcx], g[rbx]);
    operation.compared_ = two(g[rdx], g[rax]);
  }
  return operation;
}

Word WordOperation::operator()(Word old) const {
  const Word mask = bits_ >= 128 ? ~Word{0} : (Word{1} << bits_) - 1;
  const Word bit = Word{1} << static_cast<u64>(source_ % bits_);
  const auto result = [&]() -> Word {
    switch (mnemonic_) {
      case ZYDIS_MNEMONIC_ADD:
      case ZYDIS_MNEMONIC_XADD:
        return old + source_;
      case ZYDIS_MNEMONIC_ADC:
        return old + source_ + carry_;
      case ZYDIS_MNEMONIC_SUB:
        return old - source_;
      case ZYDIS_MNEMONIC_SBB:
        return old - source_ - carry_;
      case ZYDIS_MNEMONIC_AND:
        return old & source_;
      case ZYDIS_MNEMONIC_OR:
        return old | source_;
      case ZYDIS_MNEMONIC_XOR:
        return old ^ source_;
      case ZYDIS_MNEMONIC_INC:
        return old + 1;
      case ZYDIS_MNEMONIC_DEC:
        return old - 1;
      case ZYDIS_MNEMONIC_NOT:
        return ~old;
      case ZYDIS_MNEMONIC_NEG:
        return -old;
      case ZYDIS_MNEMONIC_XCHG:
        return source_;
      case ZYDIS_MNEMONIC_CMPXCHG:
      case ZYDIS_MNEMONIC_CMPXCHG8B:
      case ZYDIS_MNEMONIC_CMPXCHG16B:
        return ((old ^ compared_) & mask) == 0 ? source_ : old;
      case ZYDIS_MNEMONIC_BTS:
        return old | bit;
      case ZYDIS_MNEMONIC_BTR:
        return old & ~bit;
      case ZYDIS_MNEMONIC_BTC:
        return old ^ bit;
      default:
        return old;
    }
  };
  return result() & mask;
}

}  // namespace fred
