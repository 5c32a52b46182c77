// Bits of RFLAGS (Intel SDM vol. 1, 3.4.3).
#pragma once
#include "core/base/types.h"

namespace fred {

inline constexpr u64 trap_flag = 0x100, direction_flag = 0x400, resume_flag = 0x10000;

}  // namespace fred
