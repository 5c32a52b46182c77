#include "core/base/process_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/directory.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {

/// Of the flags in /proc/PID/stat (linux/sched.h): set before a thread that ends gives anything back, its
/// descriptors above all.
constexpr unsigned long pf_exiting = 0x4;

struct Stat {
  char state = 0;
  unsigned long flags = 0;
};

/// Nothing but zeros: the file cannot be read.
Stat read_stat(const char* path) {
  Stat stat;
  const i64 fd = raw_syscall(SYS_open, reinterpret_cast<u64>(path), O_RDONLY | O_CLOEXEC);
  if (is_error(fd)) return stat;
  char text[512];
  const i64 n = raw_syscall(SYS_read, static_cast<u64>(fd), reinterpret_cast<u64>(text), sizeof text - 1);
  raw_syscall(SYS_close, static_cast<u64>(fd));
  text[std::max(n, i64{0})] = '\0';
  const char* at = std::strrchr(text, ')');  // "PID (NAME) STATE …": the name may hold anything
  if (at == nullptr || at[1] != ' ') return stat;
  stat.state = at[2];
  at += 2;
  constexpr int fields_to_flags = 6;  // state, ppid, pgrp, session, tty_nr, tpgid
  for (int i = 0; i < fields_to_flags && at != nullptr; ++i) at = std::strchr(at + 1, ' ');
  if (at != nullptr) stat.flags = std::strtoul(at, nullptr, 10);
  return stat;
}

/// One that vanishes while it is looked at has ended.
bool has_living_thread(i32 pid, int tasks) {
  return any_entry(tasks, [pid](const char* name) {
    char path[64];
    *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/task/{}/stat", pid, name).out = '\0';
    const Stat stat = read_stat(path);
    return stat.state != 0 && (stat.flags & pf_exiting) == 0;
  });
}

}  // namespace

char process_state(i32 pid) {
  char path[32];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/stat", pid).out = '\0';
  return read_stat(path).state;
}

bool is_dead(i32 pid) {
  if (raw_syscall(SYS_kill, static_cast<u64>(pid), 0) == -ESRCH) return true;
  char path[32];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/task", pid).out = '\0';
  const i64 tasks = raw_syscall(SYS_open, reinterpret_cast<u64>(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (is_error(tasks)) return tasks == -ENOENT && process_state(1) != 0;  // it went just now, and there is a /proc
  const bool living = has_living_thread(pid, static_cast<int>(tasks));
  raw_syscall(SYS_close, static_cast<u64>(tasks));
  return !living;
}

}  // namespace fred
