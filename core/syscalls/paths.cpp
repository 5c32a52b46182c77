// Calls with a path that may name the guest itself under /proc, where the kernel would show the engine.
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"
#include "core/syscalls/walker.h"

namespace fred {
namespace {

/// The string of a path argument if it lies under /proc. Cheap for all others.
std::optional<std::string> proc_path(Syscall& call, int i) {
  char head[6];
  std::string path;
  if (!call.get(head, call.addr(i), sizeof head) || std::memcmp(head, "/proc/", sizeof head) != 0 ||
      !call.get_string(path, call.addr(i)))
    return std::nullopt;
  return path;
}

bool names_guest_exe(Syscall& call, int i) {
  const auto path = proc_path(call, i);
  return path && (*path == "/proc/self/exe" || *path == "/proc/thread-self/exe");
}

/// The call with its path argument `i` replaced.
i64 execute_on(Syscall& call, int i, const std::string& path) {
  u64 a[6];
  for (int k = 0; k < 6; ++k) a[k] = call.arg(k);
  a[i] = reinterpret_cast<u64>(path.c_str());
  return call.execute(call.number(), a[0], a[1], a[2], a[3], a[4], a[5]);
}

/// Calls that follow a link to the end: path argument `i`, `size` bytes written at argument `out`.
i64 follow(Syscall& call, int i, int out = -1, u64 size = 0) {
  if (!names_guest_exe(call, i)) return walk_row(call);
  if (out >= 0) call.will_write(call.addr(out), size);
  const i64 result = execute_on(call, i, call.engine().process().exe);
  if (out >= 0 && !is_error(result)) call.output(call.addr(out), size);
  return result;
}

constexpr u64 stat_size = 144, statx_size = 256;
constexpr u64 no_follow = 0x100;         // AT_SYMLINK_NOFOLLOW
constexpr u64 open_no_follow = 0400000;  // O_NOFOLLOW

i64 read_link(Syscall& call, int i) {
  if (!names_guest_exe(call, i)) return walk_row(call);
  const std::string& target = call.engine().process().exe;
  const i64 room = static_cast<i32>(call.arg(i + 2));
  if (room <= 0) return -EINVAL;
  const u64 size = std::min<u64>(static_cast<u64>(room), target.size());
  return call.put(call.addr(i + 1), target.data(), size) ? static_cast<i64>(size) : -EFAULT;
}

}  // namespace

i64 sys_open(Syscall& call) { return (call.arg(1) & open_no_follow) != 0 ? walk_row(call) : follow(call, 0); }
i64 sys_creat(Syscall& call) { return follow(call, 0); }
i64 sys_openat(Syscall& call) { return (call.arg(2) & open_no_follow) != 0 ? walk_row(call) : follow(call, 1); }
i64 sys_openat2(Syscall& call) { return follow(call, 1); }

i64 sys_stat(Syscall& call) { return follow(call, 0, 1, stat_size); }
i64 sys_lstat(Syscall& call) { return walk_row(call); }
i64 sys_newfstatat(Syscall& call) {
  return (call.arg(3) & no_follow) != 0 ? walk_row(call) : follow(call, 1, 2, stat_size);
}
i64 sys_statx(Syscall& call) {
  return (call.arg(2) & no_follow) != 0 ? walk_row(call) : follow(call, 1, 4, statx_size);
}

i64 sys_access(Syscall& call) { return follow(call, 0); }
i64 sys_faccessat(Syscall& call) { return follow(call, 1); }
i64 sys_faccessat2(Syscall& call) { return (call.arg(3) & no_follow) != 0 ? walk_row(call) : follow(call, 1); }

i64 sys_readlink(Syscall& call) { return read_link(call, 0); }
i64 sys_readlinkat(Syscall& call) { return read_link(call, 1); }

}  // namespace fred
