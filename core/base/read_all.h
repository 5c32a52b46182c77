// Input that is taken as a whole.
#pragma once
#include <sys/syscall.h>

#include <string>

#include "core/base/raw_syscall.h"

namespace fred {

/// All that is left to read; what there is before an error. -1 has nothing.
inline std::string read_all(int fd) {
  std::string text;
  for (char part[16384];;) {
    const i64 n = raw_syscall(SYS_read, static_cast<u64>(fd), reinterpret_cast<u64>(part), sizeof part);
    if (n <= 0) return text;
    text.append(part, static_cast<u64>(n));
  }
}

}  // namespace fred
