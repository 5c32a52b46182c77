// Decoded guest instructions, as the translator sees them.
#pragma once
#include <Zydis/Zydis.h>

#include <optional>
#include <span>

#include "core/base/types.h"

namespace fred {

/// How an instruction leaves the straight line.
enum class Flow : u8 {
  next,    // goes on behind itself
  jump,    // direct jump
  branch,  // conditional jump (jcc)
  loop,    // loop/loope/loopne/jrcxz/jecxz: conditional with an 8-bit displacement and no inverse
  call,    // direct call
  indirect_jump,
  indirect_call,
  ret,
  effect,  // leaves the cache: see Effect
};

/// The effects of instructions.def.
enum class Effect : u8 {
  none,
  syscall,
  rdtsc,
  rdtscp,
  rdpid,
  random,
  cpuid,
  xgetbv,
  xbegin,
  xtest,
  xsave,
  xsavec,
  fxsave,
  fnsave,
  fnstenv,
  popf,
  int3,
  int1,
  int_n,
  illegal,
  far,
  iret,
};

struct Instruction {
  GuestAddr pc;
  u8 length = 0;
  Flow flow = Flow::next;
  Effect effect = Effect::none;
  u8 condition = 0;  // jcc: low four bits of the opcode
  bool rip_relative = false;
  bool repeated = false;  // a string instruction with a rep prefix
  GuestAddr target;       // direct transfers; rip-relative operands: the address meant
  ZydisDecodedInstruction raw;

  GuestAddr next() const { return pc + length; }
};

enum class Decoded : u8 {
  instruction,
  invalid,  // the processor has no such instruction
  cut_off,  // the bytes end within it
};
/// Decodes the instruction whose bytes are `code` (at most 15 are looked at) into `to`, which holds no instruction
/// afterwards if there is none.
Decoded decode(GuestAddr pc, std::span<const u8> code, Instruction& to);
/// The same where it does not matter why there is none.
std::optional<Instruction> decode(GuestAddr pc, std::span<const u8> code);

/// All operands, for the rare instructions that the engine carries out itself.
struct Operands {
  ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
  u8 count;
  std::span<const ZydisDecodedOperand> all() const { return {operand, count}; }
};
Operands decode_operands(const Instruction& instruction, std::span<const u8> code);

/// May the instruction write memory (the stack included)?
bool writes_memory(const Instruction& instruction, std::span<const u8> code);

}  // namespace fred
