// A hash of the registers, logged in place of them where only a difference must be noticed. General
// registers only (core/dispatch/light.cpp uses it).
#pragma once
#include "core/arch/x86/state_window.h"

namespace fred {

/// Four independent lanes of multiply and add, folded at the end; every bit of every register counts.
inline u32 register_hash(const Registers& registers) {
  constexpr u64 words = sizeof(Registers) / 8;
  static_assert(words % 4 == 0);
  constexpr u64 factor = 0x9e3779b97f4a7c15;
  const auto* w = reinterpret_cast<const u64*>(&registers);
  u64 a = 1, b = 2, c = 3, d = 4;
  for (u64 i = 0; i < words; i += 4) {
    a = (a ^ w[i]) * factor;
    b = (b ^ w[i + 1]) * factor;
    c = (c ^ w[i + 2]) * factor;
    d = (d ^ w[i + 3]) * factor;
    a ^= a >> 29, b ^= b >> 29, c ^= c >> 29, d ^= d >> 29;
  }
  return static_cast<u32>((((a * factor ^ b) * factor ^ c) * factor ^ d) >> 32);
}

}  // namespace fred
