#include "core/memory/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include "core/base/raw_syscall.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

u64 arg(int fd) { return static_cast<u64>(fd); }
u64 arg(const void* p) { return reinterpret_cast<u64>(p); }

bool all_zero(const u8* p, u64 n) { return n == 0 || (p[0] == 0 && std::equal(p + 1, p + n, p)); }

/// Through memory, leaving out what is zero: for file systems that cannot copy or find holes themselves.
i64 copy_bytes(int to, int from, u64 begin, u64 end) {
  constexpr u64 chunk = 256 << 10;
  const auto buffer = std::make_unique_for_overwrite<u8[]>(chunk);
  for (u64 at = begin; at < end;) {
    const i64 got = raw_syscall(SYS_pread64, arg(from), arg(buffer.get()), std::min(chunk, end - at), at);
    if (got == -EINTR) continue;
    if (got <= 0) return got;
    const u64 n = static_cast<u64>(got);
    for (u64 done = 0; done < n;) {
      const u64 part = std::min<u64>(page_size - (at + done) % page_size, n - done);
      if (all_zero(buffer.get() + done, part)) {
        done += part;
        continue;
      }
      const i64 put = raw_syscall(SYS_pwrite64, arg(to), arg(buffer.get() + done), part, at + done);
      if (put == -EINTR) continue;
      if (put < 0) return put;
      done += static_cast<u64>(put);
    }
    at += n;
  }
  return 0;
}

i64 copy_data(int to, int from, u64 begin, u64 end) {
  while (begin < end) {
    u64 in = begin, out = begin;
    const i64 got = raw_syscall(SYS_copy_file_range, arg(from), arg(&in), arg(to), arg(&out), end - begin, 0);
    if (got == -EINTR) continue;
    if (got == 0) return 0;
    if (got == -ENOSPC || got == -EDQUOT || got == -EFBIG) return got;
    if (got < 0) return copy_bytes(to, from, begin, end);
    begin += static_cast<u64>(got);
  }
  return 0;
}

}  // namespace

bool clone_file(int to, int from) { return raw_syscall(SYS_ioctl, arg(to), FICLONE, arg(from)) == 0; }

i64 copy_range(int to, int from, u64 begin, u64 end) {
  // Looking for holes moves the offset, which may be the guest's: that needs an open file of our own.
  const std::string own_path = "/proc/self/fd/" + std::to_string(from);
  const UniqueFd own{raw_syscall(SYS_open, arg(own_path.c_str()), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!own) return copy_bytes(to, from, begin, end);
  for (u64 at = begin; at < end;) {
    const i64 data = raw_syscall(SYS_lseek, arg(own.get()), at, SEEK_DATA);
    if (data == -ENXIO) return 0;
    if (data < 0) return copy_bytes(to, own.get(), at, end);
    if (static_cast<u64>(data) >= end) return 0;
    const i64 hole = raw_syscall(SYS_lseek, arg(own.get()), static_cast<u64>(data), SEEK_HOLE);
    const u64 stop = hole < 0 ? end : std::min(static_cast<u64>(hole), end);
    if (const i64 done = copy_data(to, own.get(), static_cast<u64>(data), stop); done < 0) return done;
    at = stop;
  }
  return 0;
}

}  // namespace fred
