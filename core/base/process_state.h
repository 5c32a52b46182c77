// The state of a process as the kernel has it.
#pragma once
#include "core/base/types.h"

namespace fred {

/// The letter of /proc/PID/stat (proc(5)): R, S, Z, …; 0: there is no such process, or no /proc. Allocates nothing.
char process_state(i32 pid);

/// It executes nothing any more: it has gone, or is a zombie.
bool is_dead(i32 pid);

}  // namespace fred
