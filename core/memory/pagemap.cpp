#include "core/memory/pagemap.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "core/base/raw_syscall.h"

namespace fred {

Pagemap::Pagemap() : fd_(raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/pagemap"), O_RDONLY | O_CLOEXEC)) {}

u64 Pagemap::entry(u64 page) {
  const u64 index = page / page_size;
  if (index < first_ || index >= first_ + count_) {
    const i64 n = fd_ ? raw_syscall(SYS_pread64, static_cast<u64>(fd_.get()), reinterpret_cast<u64>(entries_),
                                    sizeof entries_, index * sizeof(u64))
                      : -1;
    first_ = index;
    count_ = n > 0 ? static_cast<u64>(n) / sizeof(u64) : 0;
  }
  return index < first_ + count_ ? entries_[index - first_] : unknown;
}

}  // namespace fred
