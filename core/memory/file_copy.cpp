#include "core/memory/file_copy.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "core/base/all_zero.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {

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
  struct stat st {};
  if (const i64 r = raw_syscall(SYS_fstat, arg(from), arg(&st)); r < 0) return r;
  end = std::min(end, static_cast<u64>(st.st_size));
  if (begin >= end) return 0;
  if (static_cast<u64>(st.st_blocks) * 512 >= static_cast<u64>(st.st_size)) return copy_data(to, from, begin, end);
  // Looking for holes moves the offset. An open file of our own would spare that, but closing it would end the
  // POSIX locks that the process has on the file.
  const i64 position = raw_syscall(SYS_lseek, arg(from), 0, SEEK_CUR);
  i64 result = 0;
  for (u64 at = begin; at < end && result == 0;) {
    const i64 data = raw_syscall(SYS_lseek, arg(from), at, SEEK_DATA);
    if (data == -ENXIO) break;
    if (data < 0) {
      result = copy_bytes(to, from, at, end);
      break;
    }
    if (static_cast<u64>(data) >= end) break;
    const i64 hole = raw_syscall(SYS_lseek, arg(from), static_cast<u64>(data), SEEK_HOLE);
    const u64 stop = hole < 0 ? end : std::min(static_cast<u64>(hole), end);
    result = copy_data(to, from, static_cast<u64>(data), stop);
    at = stop;
  }
  if (position >= 0) raw_syscall(SYS_lseek, arg(from), static_cast<u64>(position), SEEK_SET);
  return result;
}

}  // namespace fred
