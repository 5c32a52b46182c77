// futex with priority inheritance, among threads of the recorded process. As one of them runs at a time there is no
// priority to inherit; what is left is that the kernel says in the word who owns the lock.
#pragma once
#include "core/syscalls/syscall.h"

namespace fred {

class Threads;

i64 priority_futex(Syscall& call, Threads& threads);

}  // namespace fred
