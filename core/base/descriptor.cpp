#include "core/base/descriptor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <bitset>
#include <cerrno>

#include "core/base/raw_syscall.h"

namespace fred {

namespace {
constexpr u64 room = 64;  // descriptors that the engine may have open

/// The lowest descriptor of the engine's range, fixed at the first use.
u64 first_descriptor() {
  static const u64 first = [] {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, reinterpret_cast<u64>(&limit));
    const u64 soft = limit.rlim_cur < (u64{1} << 20) ? limit.rlim_cur : u64{1} << 20;
    return soft > 4 * room ? soft - room : soft / 2;
  }();
  return first;
}
std::bitset<room> in_use;

/// A duplicate in the engine's range, also where the guest has lowered its soft limit since: that one is raised for the
/// moment. (The hard one is never lowered: core/syscalls/limits.h.)
i64 duplicate_high(i64 fd) {
  const auto duplicate = [fd] {
    return raw_syscall(SYS_fcntl, static_cast<u64>(fd), F_DUPFD_CLOEXEC, first_descriptor());
  };
  const i64 high = duplicate();
  if (high != -EINVAL && high != -EMFILE) return high;
  const auto set_limit = [](const rlimit* set, rlimit* get) {
    return raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, reinterpret_cast<u64>(set), reinterpret_cast<u64>(get));
  };
  rlimit limit{};
  const rlim_t end = first_descriptor() + room;
  if (set_limit(nullptr, &limit) != 0 || limit.rlim_cur >= end) return high;
  const rlimit raised{end, limit.rlim_max};
  if (set_limit(&raised, nullptr) != 0) return high;
  const i64 again = duplicate();
  set_limit(&limit, nullptr);
  return again;
}
}  // namespace

i64 raise_descriptor(i64 fd) {
  const i64 high = duplicate_high(fd);
  if (is_error(high)) return high;
  raw_syscall(SYS_close, static_cast<u64>(fd));
  const u64 index = static_cast<u64>(high) - first_descriptor();
  if (index < room) in_use.set(index);
  return high;
}

bool is_engine_descriptor(i64 fd) {
  const u64 index = static_cast<u64>(fd) - first_descriptor();
  return fd >= 0 && static_cast<u64>(fd) >= first_descriptor() && index < room && in_use.test(index);
}

void close_engine_descriptor(i64 fd) {
  if (!is_engine_descriptor(fd)) return;
  in_use.reset(static_cast<u64>(fd) - first_descriptor());
  raw_syscall(SYS_close, static_cast<u64>(fd));
}

void close_engine_descriptors(i64 but) {
  for (u64 index = 0; index < room; ++index) {
    const auto fd = static_cast<i64>(first_descriptor() + index);
    if (fd != but) close_engine_descriptor(fd);
  }
}

}  // namespace fred
