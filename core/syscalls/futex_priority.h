// futex with priority inheritance, among threads of the recorded process. As one of them runs at a time there is no
// priority to inherit; what is left is that the kernel says in the word who owns the lock.
#pragma once
#include <linux/futex.h>

#include "core/syscalls/syscall.h"

namespace fred {

class Threads;

/// The thread that holds the lock, by its number for the kernel; 0: nobody does (futex(2)).
constexpr u32 owner_of(u32 word) { return word & FUTEX_TID_MASK; }

i64 priority_futex(Syscall& call, Threads& threads);

}  // namespace fred
