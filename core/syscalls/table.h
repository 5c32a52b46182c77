// The table of system calls: look-up by number.
#pragma once
#include "core/syscalls/row.h"

namespace fred {

/// Linux 6.18 has the numbers 0 to 469 on x86-64.
inline constexpr u32 syscall_count = 470;

/// The row of a number as the guest put it in rax (the kernel looks at the low 32 bits only), or nullptr
/// for a number that no row describes.
const Row* find_row(u64 number);

/// For messages and dumps: "read", or "system call 999".
std::string syscall_name(u64 number);

}  // namespace fred
