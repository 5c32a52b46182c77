// System calls without libc: no errno, no cancellation point, results as the kernel gives them.
#pragma once
#include "core/base/types.h"

namespace fred {

/// The engine's own system calls. Returns the kernel's value: -4095..-1 is -errno. Calls that the guest
/// asked for and that may block go through Syscall::execute (core/syscalls/syscall.h) instead, whose
/// one syscall instruction has labels for the signal handler.
inline i64 raw_syscall(u64 number, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0) {
  i64 result;
  register u64 r10 asm("r10") = a3;
  register u64 r8 asm("r8") = a4;
  register u64 r9 asm("r9") = a5;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

/// Arguments of system calls as the kernel takes them.
inline u64 arg(int descriptor) { return static_cast<u64>(descriptor); }
inline u64 arg(const void* address) { return reinterpret_cast<u64>(address); }

/// -ERESTARTSYS: a signal came first, or has ended the call, which is to begin anew (include/linux/errno.h of the
/// kernel).
inline constexpr i64 restart_call = -512;

constexpr bool is_error(i64 result) { return result < 0 && result >= -4095; }

}  // namespace fred
