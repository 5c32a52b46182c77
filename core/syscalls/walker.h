// Entry of the system calls: what the dispatcher calls when the guest executed `syscall`.
#pragma once
#include "core/syscalls/row.h"
#include "core/syscalls/syscall.h"

namespace fred {

/// Does the guest's call and returns what it sees in rax, or -512 (-ERESTARTSYS) if a signal came first
/// and the call is to be restarted. Refuses what the table refuses; a number without a row is ENOSYS
/// with one line for the user.
i64 run_syscall(Syscall& call);

/// Walks the call's own row: for handlers that have only something to check before.
i64 walk_row(Syscall& call);

}  // namespace fred
