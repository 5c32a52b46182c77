// Of --chaos-until-failure, in all programs that have it.
#pragma once
#include "core/base/types.h"

namespace fred {

inline constexpr u64 default_chaos_runs = 200, most_chaos_runs = 1000000;

}  // namespace fred
