// What memory an instruction accesses, as addresses formed from registers: for watches.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/translate/instruction.h"

namespace fred {

struct Access {
  enum class Segment : u8 { flat, fs, gs };

  std::optional<Gpr> base, index;
  u8 scale = 1;
  i32 displacement = 0;
  std::optional<u64> absolute;  // instead of all those: a rip-relative operand
  Segment segment = Segment::flat;
  bool narrow = false;  // the address has 32 bits
  u32 size = 0;
  bool reads = false, writes = false;
  bool partly = false;  // what it writes may be less than that: by a mask, or on a condition
};

struct Accesses {
  Access access[2];
  u8 count = 0;
  /// There are others, whose addresses are not formed like this (gathers and scatters, bit strings, enter, …), or that
  /// are longer than largest_access: other_accesses().
  bool other = false;

  std::span<const Access> all() const { return {access, count}; }
};

inline constexpr u32 largest_access = 64;

/// Of an instruction that translated code executes itself (not Flow::effect: those have none here). For a rep
/// instruction those of one iteration. What a mask or a condition may leave out is included.
Accesses accesses_of(const Instruction& instruction, std::span<const u8> code);

/// The general registers that it writes, or may write: a bit for each.
u16 written_registers(const Instruction& instruction, std::span<const u8> code);

/// Pushes and pops, and additions of what the code says: what rsp is then lies near what it was.
bool moves_stack_pointer_a_little(const Instruction& instruction);

u64 address_of(const Access& access, const Registers& registers);

/// What a rep instruction touches from `start` on; `down`: with the direction flag. A 32-bit address does not wrap
/// here.
GuestRange repeated_range(u64 start, u64 size, u64 iterations, bool down);

/// Memory that an instruction accesses, once registers are known.
struct Touched {
  GuestRange range;
  bool reads = false, writes = false;
  bool partly = false;  // Access::partly
};

/// Those others of an instruction, from the state before it (`vector_area`: in canonical form): bit strings, xlat,
/// gathers and scatters, enter, and operands longer than largest_access. Not among them: clzero.
std::vector<Touched> other_accesses(const Instruction& instruction, std::span<const u8> code,
                                    const Registers& registers, std::span<const u8> vector_area);

}  // namespace fred
