// A stand-in is never made longer or shorter: snapshots have mapped it as well. Where the file behind it has another
// end, another stand-in is mapped.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {

/// Of a mapping, what a file's new size adds or takes away, or what may be so later; empty: nothing.
GuestRange behind_end(const Mapping& m, u64 size) {
  const u64 end = page_ceil(std::min(m.file->size, size));
  if (page_ceil(m.file->size) == page_ceil(size) || end >= m.offset + m.range.size()) return {};
  return {m.range.begin + (std::max(end, m.offset) - m.offset), m.range.end};
}

bool stands_for(const Mapping& m, u64 dev, u64 ino) {
  return m.file && m.file->source == Source::stand_in && (m.traits & trait_foreign) == 0 && m.file->dev == dev &&
         m.file->ino == ino;
}

}  // namespace

std::optional<Mapping> GuestMemory::resizes_stand_in(u64 dev, u64 ino, u64 size) const {
  std::optional<Mapping> lowest;
  for (const auto& [begin, m] : table_.all()) {
    if (!stands_for(m, dev, ino) || behind_end(m, size).empty()) continue;
    if (!lowest || m.file->size < lowest->file->size) lowest = m;
  }
  return lowest;
}

void GuestMemory::resize_stand_ins(const MappedFile& now) {
  const auto file = std::make_shared<MappedFile>(now);
  const auto opened = sources_.open(now);
  FRED_CHECK(opened, "{}", opened.error().message);
  const auto all = table_.all();
  for (const auto& [begin, m] : all) {
    if (!stands_for(m, now.dev, now.ino)) continue;
    const GuestRange range = behind_end(m, now.size);
    if (range.empty()) continue;
    if (m.prot & PROT_EXEC) engine_.code_gone(range);
    const u64 flags = MAP_PRIVATE | MAP_FIXED | (m.flags & MAP_SHARED ? MAP_NORESERVE : m.flags & MAP_NORESERVE);
    const i64 got = raw_syscall(SYS_mmap, range.begin.value, range.size(), static_cast<u64>(real_prot(m.prot)), flags,
                                static_cast<u64>(opened->get()), m.offset + (range.begin - m.range.begin));
    FRED_CHECK(!is_error(got), "no memory for {:#x}: errno {}", range.begin.value, -got);
    auto& carried = sources_.carried_pages();
    carried.erase(carried.lower_bound(range.begin), carried.lower_bound(range.end));
    table_.update(range, [&](Mapping& c) { c.file = file; });
    if (m.prot & PROT_EXEC) engine_.code_mapped(range);
  }
}

}  // namespace fred
