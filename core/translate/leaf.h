// Short straight-line functions, which a block runs through: the return predictor of calls to them. Behind the return
// the block goes on with the code after the call, once the address on the guest's stack has been compared with it, so
// there is neither a look-up nor an indirect jump.
#pragma once
#include <array>
#include <functional>
#include <span>

#include "core/translate/instruction.h"

namespace fred {

inline constexpr u32 longest_leaf = 16;

class Leaves {
 public:
  /// Gives the instruction at an address; false where a block must not run through it.
  using Fetch = std::function<bool(GuestAddr pc, Instruction& to)>;

  /// The instructions of the function at `entry` up to and with its `ret`, until the next call; empty if it is not such
  /// a function: another transfer of control, an instruction with outside effects or `ret n`, or more than longest_leaf
  /// instructions. What was not such a function once may be taken for none ever after: its callers then go the usual
  /// way.
  std::span<const Instruction> at(GuestAddr entry, const Fetch& fetch);

 private:
  bool find(GuestAddr entry, const Fetch& fetch);

  std::array<Instruction, longest_leaf> found_;
  u32 count_ = 0;
  /// Most functions are none, and are called from many places: those seen last, each in the slot of its address.
  static constexpr u64 remembered = 4096;
  std::array<GuestAddr, remembered> others_{};
};

}  // namespace fred
