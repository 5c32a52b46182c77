// Which pages of the guest's memory have contents of their own.
#include <sys/mman.h>

#include "core/memory/guest_memory.h"
#include "core/memory/pagemap.h"

namespace fred {

void GuestMemory::note_growth() { refresh_growing({GuestAddr{0}, GuestAddr{~u64{0}}}); }

std::vector<GuestRange> GuestMemory::writable_pages() const {
  std::vector<GuestRange> found;
  Pagemap pages;
  for (const auto& [begin, m] : table_.all()) {
    if (m.owner != Owner::guest || (m.prot & PROT_WRITE) == 0) continue;
    const bool shared = (m.flags & MAP_SHARED) != 0;
    for (GuestAddr at = m.range.begin; at < m.range.end; at = at + page_size) {
      const bool untouched = m.file != nullptr ? pages.is_of_file(at.value) : !pages.exists(at.value);
      if (!shared && untouched) continue;
      if (found.empty() || found.back().end != at) found.push_back({at, at});
      found.back().end = at + page_size;
    }
  }
  return found;
}

}  // namespace fred
