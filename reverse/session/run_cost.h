// What live has used, as the kernel counts it.
#pragma once
#include <sys/types.h>

#include <chrono>

#include "core/base/types.h"

namespace fred {

struct RunCost {
  std::chrono::nanoseconds processor_time{};
  u64 faults = 0;  // pages that it got without reading: after a fork mostly copies
};

/// Nothing but zeros for a process that has gone.
RunCost run_cost(pid_t pid);

/// Bytes of memory that this process holds and no other; 0 if it has gone.
u64 own_memory(pid_t pid);

}  // namespace fred
