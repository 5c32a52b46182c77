// Makes random cases: straight lines of random instructions, with branches, bounded loops, calls, jumps
// through tables and registers between them, and a fault at the end.
#pragma once
#include "tests/fuzz/case.h"
#include "tests/fuzz/features.h"

namespace fred::fuzz {

/// `vector_template` is an XSAVE area with the components that cases leave alone (PKRU).
Case make_case(u64 seed, const Features& features, const Places& places, const std::vector<u8>& vector_template,
               u64 vector_mask);

}  // namespace fred::fuzz
