// How memory becomes foreign (foreign_memory.h).
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstring>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {

bool is_candidate(const Mapping& m) {
  const bool shared = m.owner == Owner::guest && (m.flags & MAP_SHARED) != 0 && m.file != nullptr &&
                      (m.traits & (trait_private_yet | trait_foreign)) == 0;
  // Code is translated from what is there once; for that the other ways to notice a change have to do.
  return shared && (m.prot & PROT_READ) != 0 && (m.prot & PROT_EXEC) == 0 && m.file->source != Source::direct;
}

/// Without what lies beyond the end of the file.
GuestRange readable_part(GuestRange range) {
  GuestAddr in = range.begin, out = range.end;  // pages below `in` are there, those from `out` on are not
  if (guest_readable(out - page_size, 1) == 1) return range;
  while (out > in) {
    const GuestAddr middle{page_floor(in.value + (out - in) / 2)};
    if (guest_readable(middle, 1) == 1) {
      in = middle + page_size;
    } else {
      out = middle;
    }
  }
  return {range.begin, in};
}

i64 map_memory(GuestAddr at, u64 size) {
  return raw_syscall(SYS_mmap, at.value, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at.value != 0 ? MAP_FIXED : 0),
                     static_cast<u64>(-1), 0);
}

/// Copies pages that are not zeros.
void copy_contents(GuestAddr to, const u8* from, u64 size) {
  u8 page[page_size];
  static constexpr u8 zeros[page_size] = {};
  for (u64 at = 0; at < size; at += page_size) {
    if (!guest_read(page, GuestAddr{reinterpret_cast<u64>(from)} + at, page_size)) return;
    if (std::memcmp(page, zeros, page_size) != 0) std::memcpy((to + at).ptr(), page, page_size);
  }
}

/// The memory itself is mapped elsewhere from now on, and its contents are copied to where it was. Null: it cannot be.
u8* put_copy(GuestRange range) {
  const i64 moved = raw_syscall(SYS_mremap, range.begin.value, range.size(), range.size(),
                                MREMAP_MAYMOVE | MREMAP_FIXED, static_cast<u64>(map_memory({}, range.size())));
  if (is_error(moved)) return nullptr;
  auto* alias = reinterpret_cast<u8*>(moved);
  const i64 copy = map_memory(range.begin, range.size());
  FRED_CHECK(!is_error(copy), "no memory for a copy of shared memory at {:#x}: errno {}", range.begin.value, -copy);
  copy_contents(range.begin, alias, range.size());
  return alias;
}

}  // namespace

bool stays_open(const Mapping& m) {
  return (m.traits & trait_foreign) != 0 && m.prot == PROT_READ && (m.max_prot & PROT_WRITE) == 0;
}

int real_prot(const Mapping& m) { return stays_open(m) ? PROT_READ | PROT_WRITE : real_prot(m.prot); }

void GuestMemory::mark_foreign(GuestRange range) {
  table_.update(range, [](Mapping& m) { m.traits |= trait_foreign; });
  for (const auto& m : table_.in(range))
    raw_syscall(SYS_mprotect, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(m)));
}

i64 GuestMemory::move_foreign(GuestRange from, GuestRange to) {
  const i64 moved = foreign_.move(from, to);
  if (moved == 0) engine_.foreign_memory_changed();
  return moved;
}

void GuestMemory::erase(GuestRange range) {
  table_.erase(range);
  auto& carried = sources_.carried_pages();
  carried.erase(carried.lower_bound(range.begin), carried.lower_bound(range.end));
  if (!foreign_.overlaps(range)) return;
  foreign_.remove(range);
  engine_.foreign_memory_changed();
}

std::vector<Mapping> GuestMemory::foreign_candidates() const {
  std::vector<Mapping> found;
  for (const auto& [begin, m] : table_.all()) {
    if (is_candidate(m)) found.push_back(m);
  }
  return found;
}

std::vector<GuestRange> GuestMemory::make_foreign(GuestRange wanted) {
  std::vector<GuestRange> made;
  for (const auto& m : table_.in(wanted)) {
    if (!is_candidate(m)) continue;
    const auto range = readable_part(m.range);
    if (range.empty()) continue;
    u8* alias = nullptr;
    if (is_object(*m.file)) {
      shared_pages_.compare_whole(range);
      alias = put_copy(range);
    } else {  // what is there is a copy of a file that the guest only reads
      const int fd = sources_.kept_reader(m.file->dev, m.file->ino);
      const i64 mapped = raw_syscall(SYS_mmap, 0, range.size(), PROT_READ, MAP_SHARED, static_cast<u64>(fd), m.offset);
      if (!is_error(mapped)) alias = reinterpret_cast<u8*>(mapped);
    }
    if (alias == nullptr) continue;
    foreign_.add(range, alias);
    made.push_back(range);
    LOG_INFO(memory, "{:#x}-{:#x} is foreign", range.begin.value, range.end.value);
  }
  for (const auto& range : made) mark_foreign(range);
  if (!made.empty()) engine_.foreign_memory_changed();
  return made;
}

std::vector<GuestRange> GuestMemory::unknown_contents(GuestRange range) {
  std::vector<GuestRange> unknown;
  for (const auto& m : table_.in(range)) {
    if (is_object(*m.file)) shadow_.leave(m.range, unknown);
  }
  return unknown;
}

void GuestMemory::make_foreign_again(GuestRange range) {
  for (const auto& m : table_.in(range)) {
    if (is_object(*m.file)) {
      u8* object = put_copy(m.range);
      FRED_CHECK(object != nullptr, "no memory for a copy of shared memory at {:#x}", m.range.begin.value);
      raw_syscall(SYS_munmap, reinterpret_cast<u64>(object), m.range.size());
    }
    foreign_.add(m.range, nullptr);
  }
  mark_foreign(range);
  engine_.foreign_memory_changed();
}

}  // namespace fred
