// A decoder of the most frequent instructions only, several times as fast as the full one: translating code that runs
// once is mostly decoding.
#pragma once
#include <span>

#include "core/translate/instruction.h"

namespace fred {

/// False: ask the full decoder, which may know it or not. True: `to` is as decode() would leave it, but for `raw`,
/// of which is given what a transfer of control or a copy with another displacement needs: the places of ModRM and
/// displacement, widths, prefixes. `code` has at least 15 bytes.
bool quick_decode(GuestAddr pc, std::span<const u8> code, Instruction& to);

}  // namespace fred
