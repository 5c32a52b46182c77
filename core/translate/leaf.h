// Short straight-line functions, which a block runs through: the return predictor of calls to them. Behind the return
// the block goes on with the code after the call, once the address on the guest's stack has been compared with it, so
// there is neither a look-up nor an indirect jump.
#pragma once
#include <functional>
#include <vector>

#include "core/translate/instruction.h"

namespace fred {

inline constexpr u32 longest_leaf = 16;

/// The instructions of the function at `entry` up to and with its `ret`; empty if it is not such a function: another
/// transfer of control, an instruction with outside effects or `ret n`, or more than longest_leaf instructions.
/// `fetch` gives the instruction at an address, or nullopt where a block must not run through it.
std::vector<Instruction> find_leaf(GuestAddr entry, const std::function<std::optional<Instruction>(GuestAddr)>& fetch);

}  // namespace fred
