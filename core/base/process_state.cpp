#include "core/base/process_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "core/base/raw_syscall.h"

namespace fred {

char process_state(i32 pid) {
  char path[32];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/stat", pid).out = '\0';
  const i64 fd = raw_syscall(SYS_open, reinterpret_cast<u64>(path), O_RDONLY | O_CLOEXEC);
  if (is_error(fd)) return 0;
  char text[512];
  const i64 n = raw_syscall(SYS_read, static_cast<u64>(fd), reinterpret_cast<u64>(text), sizeof text - 1);
  raw_syscall(SYS_close, static_cast<u64>(fd));
  text[n > 0 ? n : 0] = '\0';
  const char* name_end = std::strrchr(text, ')');  // "PID (NAME) STATE": the name may hold anything
  return name_end != nullptr && name_end[1] == ' ' ? name_end[2] : '\0';
}

bool is_dead(i32 pid) {
  if (raw_syscall(SYS_kill, static_cast<u64>(pid), 0) == -ESRCH) return true;
  const char state = process_state(pid);
  return state == 'Z' || state == 'X';
}

}  // namespace fred
