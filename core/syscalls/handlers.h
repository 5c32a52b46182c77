// The functions of the rows that are not walked: one `i64 sys_NAME(Syscall&)` for each OWN row of
// syscalls.def. The families (files.cpp, sockets.cpp, memory.cpp, process.cpp, …) define them.
#pragma once
#include "core/syscalls/syscall.h"

namespace fred {

#define CALL(number, name, blocks, ...)
#define OWN(number, name, blocks, ...) i64 sys_##name(Syscall& call);
#define REFUSED(number, name, error, reason)
#define ABSENT(number, name)
#include "core/syscalls/syscalls.def"

}  // namespace fred
