#include "core/memory/opened_pages.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "core/base/raw_syscall.h"

namespace fred {

void OpenedPages::protect(bool open) const {
  for (GuestAddr at{page_floor(range_.begin.value)}; at < range_.end;) {
    const Mapping* m = memory_.table().find(at);
    if (m == nullptr) return;
    const GuestAddr end = std::min(m->range.end, GuestAddr{page_ceil(range_.end.value)});
    if ((real_prot(*m) & PROT_WRITE) == 0) {
      raw_syscall(SYS_mprotect, at.value, end - at,
                  static_cast<u64>(open ? PROT_READ | PROT_WRITE : real_prot(m->prot)));
    }
    at = end;
  }
}

}  // namespace fred
