// Two XSAVE areas side by side.
#pragma once
#include <optional>
#include <string>

#include "core/base/types.h"

namespace fred {

/// Where two areas differ first: what it is called and the bytes on both sides, in hexadecimal, lowest
/// address first.
struct VectorDifference {
  std::string name;
  std::string first, second;
};

/// Compares the components of `mask` of two areas in the standard format, both brought into the canonical
/// form (guest_cpu.h).
std::optional<VectorDifference> vector_difference(const u8* first, const u8* second, u64 size, u64 mask);

}  // namespace fred
