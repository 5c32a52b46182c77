// Resource limits that the guest sees but that must not bind the engine, which shares the process.
#pragma once
#include "core/base/types.h"

namespace fred {

class Syscall;

struct ResourceLimit {
  u64 soft = ~u64{0}, hard = ~u64{0};  // ~0: no limit
};

/// The guest's values of the limits that are kept here instead of in the kernel: RLIMIT_CORE (the engine's
/// own is 0, so that no core file of the engine is written), RLIMIT_AS and RLIMIT_DATA (the engine's code
/// caches would count), and the hard one of RLIMIT_NOFILE (the engine's descriptors lie above a limit that was
/// lowered; the soft one is the kernel's). All other limits are the process's own. Pointer-free: a part of the guest's
/// state.
struct GuestLimits {
  ResourceLimit core, address_space, data, descriptors;
  u64 kernels_descriptors = ~u64{0};  // the hard limit of descriptors that the kernel has, as far as this process knows
};

/// The one of this process; forked processes inherit theirs.
GuestLimits& guest_limits();

/// At the start of live, before anything of the guest runs: notes the limits that the process was given
/// and takes the kept ones off the engine.
void take_over_limits();

/// For a process that leaves the engine (a forked child before its execve): the kernel gets the kept limits. Without
/// privilege the hard one of descriptors stays as it is then.
void hand_back_limits();

}  // namespace fred
