// The state of a process as the kernel has it. Nothing here allocates.
#pragma once
#include "core/base/types.h"

namespace fred {

/// The letter of /proc/PID/stat (proc(5)): R, S, Z, …; 0: there is no such process, or no /proc. The main thread's: Z
/// as well where that has ended and others go on.
char process_state(i32 pid);

/// It executes nothing any more: each of its threads has ended or is on its way out of the kernel (PF_EXITING, in the
/// flags of /proc/PID/task/TID/stat). Without /proc: it has gone altogether.
bool is_dead(i32 pid);

}  // namespace fred
