// The state that a case starts from: which register is for what, and random contents of everything.
#pragma once
#include "tests/fuzz/case.h"
#include "tests/fuzz/instructions.h"
#include "tests/fuzz/random.h"

namespace fred::fuzz {

inline constexpr u64 non_canonical = u64{1} << 63 | 0x1234;

Roles make_roles(Random& random);

/// Fills in the registers and the vector state of `c`. `vector_template` is an XSAVE area with the components
/// that cases leave alone (PKRU).
void make_state(Random& random, const Roles& roles, const Places& places, const std::vector<u8>& vector_template,
                u64 vector_mask, Case& c);

}  // namespace fred::fuzz
