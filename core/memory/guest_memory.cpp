// Placement, mapping, and the ranges that are the engine's.
#include "core/memory/guest_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/memory/layout.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

constexpr u32 type_mask = MAP_TYPE;
constexpr GuestRange everything{GuestAddr{0}, GuestAddr{layout::task_size}};
constexpr u32 kept_flags = MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE;

}  // namespace

i64 ask_kernel(const KernelStep& step) { return step(); }

int real_prot(int guest_prot) { return (guest_prot & ~PROT_EXEC) | (guest_prot & PROT_EXEC ? PROT_READ : 0); }

GuestMemory::GuestMemory(Engine& engine) : engine_(engine), sources_(engine), stack_room_(wanted_stack_room()) {
  absorb_engine_mappings();
}

u64 GuestMemory::wanted_stack_room() {
  rlimit limit{};
  raw_syscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, reinterpret_cast<u64>(&limit));
  if (limit.rlim_cur == RLIM_INFINITY) return 8 << 20;
  return std::min(page_floor(limit.rlim_cur), layout::largest_stack_room);
}

GuestAddr GuestMemory::mmap_top() const {
  return layout::stack_top - std::max(stack_room_, layout::smallest_stack_room) - 2 * layout::stack_guard;
}

bool GuestMemory::is_engine(GuestRange range) const {
  if (range.end > layout::stack_top && !(adopted_ && table_.covers(range))) return true;
  return table_.overlaps_engine(range);
}

std::string GuestMemory::maps_text() {
  refresh_growing(everything);
  return table_.text(names());
}

void GuestMemory::grow_entry(const Mapping& mapping) {
  const auto mapped = [](GuestAddr page) {
    u8 resident = 0;
    return raw_syscall(SYS_mincore, page.value, page_size, reinterpret_cast<u64>(&resident)) != -ENOMEM;
  };
  const GuestAddr old = mapping.range.begin;
  if (!mapped(old - page_size)) return;
  // The kernel grows in one piece, so the new end can be bisected: `in` is mapped, below `out` nothing is.
  GuestAddr in = old - page_size, out{layout::lowest - page_size};
  const auto at = table_.all().find(old);
  if (at != table_.all().begin()) out = std::max(out, std::prev(at)->second.range.end - page_size);
  while (in - out > page_size) {
    const GuestAddr middle{page_floor(out.value + (in - out) / 2)};
    (mapped(middle) ? in : out) = middle;
  }
  Mapping more = mapping;
  more.range = {in, old};
  more.offset -= old - in;
  table_.insert(std::move(more));
}

void GuestMemory::refresh_growing(GuestRange concern) {
  if (other_growing_) {
    std::vector<Mapping> growing;
    for (const auto& [begin, m] : table_.all())
      if (m.flags & MAP_GROWSDOWN && m.range.end != layout::stack_top) growing.push_back(m);
    for (const auto& m : growing) {
      const Mapping* below = m.range.begin.value ? table_.find(m.range.begin - 1) : nullptr;
      if (!below) grow_entry(m);
    }
  }
  if (concern.end <= mmap_top()) return;
  const Mapping* m = table_.find_from(mmap_top());
  while (m && !(m->flags & MAP_GROWSDOWN) && m->range.end < layout::stack_top) m = table_.find_from(m->range.end);
  if (m && m->flags & MAP_GROWSDOWN && !table_.find(m->range.begin - 1)) grow_entry(Mapping(*m));
}

void GuestMemory::will_change(GuestRange range) {
  shared_pages_.changing(range);
  for (const auto& m : table_.in(range))
    if (m.owner == Owner::guest && m.prot & PROT_EXEC) engine_.code_gone(m.range);
}

std::optional<GuestAddr> GuestMemory::choose(const MapRequest& request, u64 size) const {
  const GuestRange area{GuestAddr{layout::lowest}, mmap_top()};
  if (request.flags & MAP_32BIT) {
    const GuestAddr hint{page_floor(request.addr.value)};
    if (hint.value && hint >= layout::low_2g.begin && hint < layout::low_2g.end && layout::low_2g.end - hint >= size &&
        table_.is_free(guest_range(hint, size)))
      return hint;
    return table_.find_free(size, layout::low_2g, AddressMap::Order::bottom_up);
  }
  if (GuestAddr hint{page_floor(request.addr.value)}; hint.value) {
    hint = std::max(hint, GuestAddr{layout::lowest});
    const bool fits = hint < layout::stack_top && layout::stack_top - hint >= size;
    if (fits && table_.is_free(guest_range(hint, size))) return hint;
  }
  // Whole huge pages are aligned to them, as newer kernels do.
  const bool huge = !request.file && size % layout::huge_page == 0;
  if (huge)
    if (const auto at = table_.find_free(size, area, AddressMap::Order::top_down, layout::huge_page)) return at;
  return table_.find_free(size, area, AddressMap::Order::top_down);
}

std::expected<GuestRange, i64> GuestMemory::place(const MapRequest& request) {
  if (request.size == 0) return std::unexpected(-EINVAL);
  const u64 size = page_ceil(request.size);
  if (size == 0) return std::unexpected(-ENOMEM);
  if (request.offset + size < request.offset) return std::unexpected(-EOVERFLOW);
  if (size > layout::task_size) return std::unexpected(-ENOMEM);
  // Where nothing is asked for, nothing near the main stack is chosen.
  refresh_growing(request.addr.value ? everything : GuestRange{});
  if (request.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
    if (request.addr.value > layout::task_size - size) return std::unexpected(-ENOMEM);
    if (request.addr.value % page_size) return std::unexpected(-EINVAL);
    const GuestRange range = guest_range(request.addr, size);
    if (request.flags & MAP_FIXED_NOREPLACE) {
      const Mapping* m = table_.find_from(range.begin);
      if (is_engine(range) || (m && m->range.begin < range.end)) return std::unexpected(-EEXIST);
    } else if (is_engine(range)) {
      return std::unexpected(-ENOMEM);
    }
    return range;
  }
  const auto at = choose(request, size);
  if (!at) return std::unexpected(-ENOMEM);
  return guest_range(*at, size);
}

i64 GuestMemory::map(const MapRequest& request, const Verdict& verdict) {
  const auto placed = place(request);
  if (!placed) return placed.error();
  const u32 type = request.flags & type_mask;
  const bool shared = type == MAP_SHARED || (type == MAP_SHARED_VALIDATE && request.file);
  if (!shared && type != MAP_PRIVATE) return -EINVAL;
  if (shared && request.flags & MAP_GROWSDOWN) return -EINVAL;

  Mapping m;
  m.range = *placed;
  m.prot = request.prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
  m.max_prot = request.max_prot;
  m.flags = (request.flags & kept_flags & ~type_mask) | (shared ? MAP_SHARED : MAP_PRIVATE);
  m.file = request.file;
  m.offset = request.file ? request.offset : placed->begin.value;
  m.name = request.name;
  if (!shared && m.prot & PROT_WRITE && !(m.flags & MAP_NORESERVE)) m.traits |= trait_accounted;

  // What is really mapped: see MappedFile and trait_private_yet.
  u32 really = m.flags & ~(MAP_SHARED | MAP_PRIVATE);
  really |= request.flags & (MAP_POPULATE | MAP_LOCKED | MAP_STACK);
  bool really_shared = shared;
  if (request.file) {
    really &= ~MAP_ANONYMOUS;
    if (request.file->source == Source::direct || request.file->source == Source::stand_in) really_shared = false;
    // Shared memory is not counted as committed, and counting parts of it would keep the kernel from moving it whole.
    if (shared && !really_shared) really |= MAP_NORESERVE;
  } else {
    really |= MAP_ANONYMOUS;
    if (shared) {
      auto object = std::make_shared<MappedFile>();
      object->path = "/dev/zero (deleted)";
      object->dev = 1;
      // Of its own among all recorded processes, and above all ids of SysV memory.
      object->ino = (u64{std::max(engine_.process_number(), 1u)} << 32) + next_shared_ino_++;
      object->size = placed->size();
      m.file = std::move(object);
      m.offset = 0;
      if (engine_.mode() != Mode::run) {
        really_shared = false;
        m.traits |= trait_private_yet;
      }
    }
  }
  if (engine_.mode() == Mode::replay) really &= ~(MAP_POPULATE | MAP_LOCKED);
  const bool replace = request.flags & MAP_FIXED && !(request.flags & MAP_FIXED_NOREPLACE);
  really |= (really_shared ? MAP_SHARED : MAP_PRIVATE) | (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE);

  if (replace) will_change(*placed);
  const i64 got = verdict([&] {
    return raw_syscall(SYS_mmap, placed->begin.value, placed->size(), static_cast<u64>(real_prot(m.prot)), really,
                       static_cast<u64>(request.file ? request.fd : -1), request.file ? request.offset : 0);
  });
  if (is_error(got)) return got == -EEXIST ? -ENOMEM : got;
  FRED_CHECK(static_cast<u64>(got) == placed->begin.value, "mmap gave {:#x} for {:#x}", got, placed->begin.value);
  if (m.flags & MAP_GROWSDOWN) other_growing_ = true;
  mirrors_files_ |= request.mirror;
  shares_memory_ |= shared && (!request.file || request.file->source == Source::shared);
  const bool code = m.prot & PROT_EXEC;
  const bool follow = is_shared_file(m) && engine_.mode() == Mode::record;
  if (replace) erase(*placed);
  if (m.flags & MAP_SHARED) ++shared_mappings_made_;
  table_.insert(std::move(m));
  if (code) engine_.code_mapped(*placed);
  if (follow) follow_shared(*placed);
  LOG_DEBUG(memory, "map {:#x}-{:#x} prot {} flags {:#x} {}", placed->begin.value, placed->end.value, request.prot,
            request.flags, request.file ? request.file->path : "");
  return got;
}

i64 GuestMemory::make_stack(u64 size, int prot) {
  Mapping m;
  m.range = {layout::stack_top - page_ceil(size), layout::stack_top};
  m.prot = static_cast<u8>(prot);
  m.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN;
  m.offset = m.range.begin.value;
  m.traits = trait_accounted;
  const i64 got = raw_syscall(SYS_mmap, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(prot)),
                              m.flags | MAP_FIXED_NOREPLACE, static_cast<u64>(-1), 0);
  if (is_error(got)) return got;
  const GuestRange range = m.range;
  table_.insert(std::move(m));
  if (prot & PROT_EXEC) engine_.code_mapped(range);
  return got;
}

void GuestMemory::start_heap(GuestAddr at) { heap_begin_ = brk_ = at; }

void GuestMemory::clear_guest() {
  refresh_growing(everything);
  const i64 done = unmap_pieces(everything, ask_kernel);
  FRED_CHECK(done == 0, "unmapping the guest: {}", done);
  keep_heap_guard();
  heap_begin_ = brk_ = initial_sp_ = GuestAddr{};
  other_growing_ = false;
}

}  // namespace fred
