// The ranges that are the engine's: its own image, and windows for translated code near the guest's.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"
#include "core/memory/own_maps.h"

namespace fred {

void GuestMemory::absorb_engine_mappings() {
  // Our own image may lie anywhere, and its heap grows upwards from it.
  constexpr u64 own_heap_room = u64{16} << 30;
  OwnMaps maps;
  for (OwnMaps::Line line; maps.next(line);) {
    auto range = line.range;
    if (range.begin >= layout::stack_top) continue;
    if (table_.covers(range)) continue;  // an adopted guest's
    if (line.name == "[heap]") range.end = range.end + own_heap_room;
    range.end = std::min(range.end, layout::stack_top);
    Mapping m;
    m.range = range;
    m.owner = Owner::engine;
    m.name = "[engine]";
    m.offset = range.begin.value;
    table_.insert(std::move(m));
  }
}

bool GuestMemory::reserve(GuestRange range) {
  const i64 got =
      raw_syscall(SYS_mmap, range.begin.value, range.size(), PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, static_cast<u64>(-1), 0);
  if (is_error(got)) return false;
  Mapping m;
  m.range = range;
  m.owner = Owner::engine;
  m.flags = MAP_PRIVATE | MAP_ANONYMOUS;
  m.name = "[window]";
  m.offset = range.begin.value;
  table_.insert(std::move(m));
  return true;
}

bool GuestMemory::reserve_engine_at(GuestRange range) {
  if (range.empty()) return false;
  refresh_growing(range);
  if (const Mapping* m = table_.find(range.begin); m && m->name == "[window]" && m->range.end >= range.end) return true;
  if (!table_.is_free(range)) return false;
  return reserve(range);
}

void GuestMemory::release_engine(GuestRange range) {
  raw_syscall(SYS_munmap, range.begin.value, range.size());
  table_.erase(range);
}

Result<GuestRange> GuestMemory::reserve_engine_near(GuestRange code, u64 size) {
  using Order = AddressMap::Order;
  size = page_ceil(size);
  const auto no_room = [&] {
    return fail(fmt::format("no room for {} MiB of translated code near the program's code at {:#x}", size >> 20,
                            code.begin.value));
  };
  if (size == 0 || code.empty() || code.size() + size > layout::window_reach) return no_room();
  refresh_growing({});
  const u64 low = std::max(code.end.value, layout::window_reach + layout::lowest) - layout::window_reach;
  const GuestRange reach{GuestAddr{low}, std::min(code.begin + layout::window_reach, GuestAddr{layout::task_size})};
  const GuestRange heap{heap_begin_, heap_begin_ + (heap_begin_.value ? layout::heap_room : 0)};
  const GuestAddr above_stack = layout::stack_top + (u64{1} << 30);

  struct Try {
    GuestRange within;
    Order order;
  };
  std::vector<Try> tries;
  if (code.begin >= layout::pie_base && code.begin < layout::pie_base + layout::heap_room)
    tries.push_back({{reach.begin, layout::pie_base}, Order::top_down});
  if (code.begin < layout::low_2g.end)
    tries.push_back({{layout::low_2g.begin, GuestAddr{0x70000000}}, Order::top_down});
  tries.push_back({{above_stack, reach.end}, Order::bottom_up});
  tries.push_back({{layout::stack_top + layout::stack_guard, above_stack}, Order::bottom_up});
  tries.push_back({{std::max(reach.begin, heap.end), std::min(reach.end, mmap_top())}, Order::top_down});
  tries.push_back({{reach.begin, std::min(reach.end, heap.begin)}, Order::top_down});
  for (const Try& t : tries) {
    GuestRange within{std::max(t.within.begin, reach.begin), std::min(t.within.end, reach.end)};
    while (!within.empty()) {
      const auto at = table_.find_free(size, within, t.order);
      if (!at) break;
      const GuestRange range = guest_range(*at, size);
      if (reserve(range)) return range;
      // Something of the engine's that the table does not know: look beyond it.
      if (t.order == Order::top_down)
        within.end = range.end - page_size;
      else
        within.begin = range.begin + page_size;
    }
  }
  return no_room();
}

}  // namespace fred
