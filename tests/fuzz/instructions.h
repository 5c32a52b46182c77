// Random single instructions: random encodings, filtered by the decoder and by what the case's state
// allows, so that what they do stays within the case's memory.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "tests/fuzz/case.h"
#include "tests/fuzz/features.h"
#include "tests/fuzz/random.h"

namespace fred::fuzz {

/// What a general register is for in one case. All but `free` ones keep their values, except that string
/// instructions move pointers and that code for the purpose counts the counter down.
enum class Role : u8 { free, stack, pointer, bad_pointer, table, index, counter };
using Roles = std::array<Role, 16>;

/// An instruction whose operand relative to rip, if it has one, is still to be aimed.
struct Piece {
  std::vector<u8> bytes;
  u32 displacement = 0;  // offset of the 32-bit displacement; 0: not relative to rip
  u64 target = 0;        // the address meant
};

class InstructionMaker {
 public:
  InstructionMaker(Random& random, const Roles& roles, const Features& features, const Places& places)
      : random_(random), roles_(roles), features_(features), places_(places) {}

  /// Any instruction that goes on to the next one (or faults).
  Piece any();
  /// Bytes that are no instruction.
  Piece none();
  /// ModRM, SIB and displacement of a random memory operand, appended to `bytes`. Without REX; `rex_xb` is
  /// what REX.X and REX.B must be. Sets the displacement's place if it is relative to rip.
  void memory_operand(std::vector<u8>& bytes, u8 reg, u8& rex_xb, Piece& piece, bool segment_base);
  /// An address that rip-relative operands may name.
  u64 relative_target();
  /// A register of this role; 255 if there is none.
  u8 pick(Role role);

 private:
  Piece encode();
  bool allowed(const Piece& piece) const;

  Random& random_;
  const Roles& roles_;
  const Features& features_;
  const Places& places_;
};

}  // namespace fred::fuzz
