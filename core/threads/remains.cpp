#include "core/threads/remains.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/memory/address_map.h"
#include "core/memory/layout.h"
#include "core/memory/own_maps.h"
#include "core/memory/unique_fd.h"

extern "C" const char fred_remains_begin[], fred_remains_leave[], fred_remains_unmap[], fred_remains_end[];

namespace fred {

namespace {

GuestRange map_pages(u64 size) {
  const i64 at = raw_syscall(SYS_mmap, 0, page_ceil(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                             static_cast<u64>(-1), 0);
  FRED_CHECK(!is_error(at), "no memory ({} bytes) to leave the program: errno {}", size, -at);
  return guest_range(GuestAddr{static_cast<u64>(at)}, page_ceil(size));
}

/// The page gets a name, by which whoever attaches finds it. Without one (no descriptor is free) it stays for good.
void name_page(GuestAddr page) {
  const UniqueFd file{raw_syscall(SYS_memfd_create, reinterpret_cast<u64>("fred-remains"), MFD_CLOEXEC)};
  if (!file || raw_syscall(SYS_ftruncate, static_cast<u64>(file.get()), page_size) != 0) return;
  raw_syscall(SYS_mmap, page.value, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
              static_cast<u64>(file.get()), 0);
}

/// [heap], [stack], [vdso] and the like, but not names that a program gives its memory.
bool is_kernels(std::string_view name) { return name.starts_with("[") && !name.starts_with("[anon"); }

}  // namespace

// The header, the code, the number of those that leave and the frames, each from a page's begin.
Remains::Remains(std::size_t frames, u64 frame_size)
    : range_(map_pages(3 * page_size + frames * frame_size)),
      frames_((range_.begin + 3 * page_size).ptr<u8>()),
      frame_size_(frame_size),
      leaving_((range_.begin + 2 * page_size).ptr<u32>()) {
  name_page(range_.begin);
  new (range_.begin.ptr()) RemainsHeader{.magic = RemainsHeader::right_magic, .size = range_.size()};
  const GuestAddr at = range_.begin + page_size;
  std::memcpy(at.ptr(), fred_remains_begin, static_cast<std::size_t>(fred_remains_end - fred_remains_begin));
  const i64 done = raw_syscall(SYS_mprotect, at.value, page_size, PROT_READ | PROT_EXEC);
  FRED_CHECK(done == 0, "no code to leave the program: errno {}", -done);
}

/// Those parts of the engine's mappings, up to whose number `to` has room (null: they are only counted).
u64 Remains::find_pieces(const AddressMap& table, Piece* to) const {
  u64 count = 0;
  OwnMaps maps;
  for (OwnMaps::Line line; maps.next(line);) {
    if (is_kernels(line.name) || line.range.end.value > layout::task_size) continue;
    for (GuestAddr at = line.range.begin; at < line.range.end;) {
      // The next that stays.
      const Mapping* guests = table.find_from(at);
      while (guests != nullptr && guests->owner != Owner::guest) guests = table.find_from(guests->range.end);
      GuestRange stays{line.range.end, line.range.end};
      const auto consider = [&](GuestRange range) {
        if (range.end > at && range.begin < stays.begin) stays = range;
      };
      if (guests != nullptr) consider(guests->range);
      consider(range_);
      consider(list_);
      if (at < stays.begin) {
        if (to != nullptr) to[count] = {.begin = at.value, .size = stays.begin - at};
        ++count;
      }
      at = stays.end;
    }
  }
  return count;
}

void Remains::find_engine(const AddressMap& table, u32 leaving) {
  *leaving_ = leaving;
  // The list is one more mapping, which may lie in the middle of one.
  list_ = map_pages((find_pieces(table, nullptr) + 2) * sizeof(Piece));
  pieces_ = find_pieces(table, list_.begin.ptr<Piece>());
}

u64 Remains::code(const char* function) const {
  return range_.begin.value + page_size + static_cast<u64>(function - fred_remains_begin);
}

void Remains::leave(u64 sp) const {
  asm volatile(
      "mov %0, %%rsp\n\t"
      "jmp *%1"
      :
      : "r"(sp), "r"(code(fred_remains_leave)), "D"(leaving_)
      : "memory");
  __builtin_unreachable();
}

void Remains::unmap_engine(u64 sp, i64 descriptor) const {
  const u64 steps[] = {list_.begin.value,
                       list_.begin.value + pieces_ * sizeof(Piece),
                       list_.size(),
                       static_cast<u64>(descriptor),
                       sp,
                       code(fred_remains_unmap)};
  asm volatile(
      "mov (%0), %%rbx\n\t"
      "mov 8(%0), %%rbp\n\t"
      "mov 16(%0), %%r12\n\t"
      "mov 24(%0), %%r13\n\t"
      "mov 32(%0), %%rsp\n\t"
      "jmp *40(%0)"
      :
      : "a"(steps), "D"(leaving_)
      : "memory");
  __builtin_unreachable();
}

}  // namespace fred
