#include "core/syscalls/kernel_buffers.h"

#include <sys/mman.h>

#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {
bool writable(const GuestMemory& memory, GuestRange range) {
  for (GuestAddr at = range.begin; at < range.end;) {
    const auto* mapping = memory.table().find(at);
    if (mapping == nullptr || mapping->owner != Owner::guest || (mapping->prot & PROT_WRITE) == 0) return false;
    at = mapping->range.end;
  }
  return true;
}
}  // namespace

GuestAddr KernelBuffers::in_place_of(const GuestMemory& memory, GuestAddr at, u64 size) {
  const auto range = guest_range(at, size);
  if (size == 0 || range.end < range.begin || !writable(memory, range)) return at;
  auto* bytes = static_cast<u8*>(keep(size + page_size));
  bytes += (at.value - reinterpret_cast<u64>(bytes)) % page_size;
  if (!guest_read(bytes, at, size)) return at;
  buffers_.push_back({range, bytes});
  return GuestAddr{reinterpret_cast<u64>(bytes)};
}

void KernelBuffers::deliver(GuestAddr at, u64 size) const {
  for (const auto& b : buffers_) {
    if (!b.range.contains(at) || b.range.end - at < size) continue;
    guest_store(at, b.bytes + (at - b.range.begin), size);
    return;
  }
}

}  // namespace fred
