// Unmapping, protecting, advising, the heap.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

constexpr int prot_all = PROT_READ | PROT_WRITE | PROT_EXEC;
constexpr int prot_sem = 8;  // accepted and without meaning

/// Ranges without gaps that the guest's mappings in `range` make up.
std::vector<GuestRange> guest_runs(const AddressMap& table, GuestRange range) {
  std::vector<GuestRange> runs;
  for (const auto& m : table.in(range)) {
    if (m.owner != Owner::guest) continue;
    if (!runs.empty() && runs.back().end == m.range.begin)
      runs.back().end = m.range.end;
    else
      runs.push_back(m.range);
  }
  return runs;
}

}  // namespace

i64 GuestMemory::unmap_pieces(GuestRange range, const Verdict& verdict) {
  for (const GuestRange piece : guest_runs(table_, range)) {
    will_change(piece);
    const i64 done = verdict([&] { return raw_syscall(SYS_munmap, piece.begin.value, piece.size()); });
    if (is_error(done)) return done;
    erase(piece);
  }
  return 0;
}

i64 GuestMemory::unmap(GuestAddr addr, u64 size, const Verdict& verdict) {
  if (addr.value % page_size || addr.value > layout::task_size || size > layout::task_size - addr.value) return -EINVAL;
  size = page_ceil(size);
  if (size == 0) return -EINVAL;
  const GuestRange range = guest_range(addr, size);
  refresh_growing(range);
  if (const i64 kept = keep_unmapped(range); kept < 0) return kept;
  return unmap_pieces(range, verdict);
}

i64 GuestMemory::protect(GuestAddr addr, u64 size, int prot, const Verdict& verdict) {
  const int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows == (PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
  if (addr.value % page_size) return -EINVAL;
  if (size == 0) return 0;
  size = page_ceil(size);
  if (addr.value + size <= addr.value) return -ENOMEM;
  if (prot & ~(prot_all | prot_sem)) return -EINVAL;
  prot &= prot_all;
  GuestRange range = guest_range(addr, size);
  refresh_growing(range);
  const Mapping* first = table_.find_from(addr);
  if (grows == PROT_GROWSDOWN) {
    if (!first || first->range.begin >= range.end) return -ENOMEM;
    if (!(first->flags & MAP_GROWSDOWN)) return -EINVAL;
    range.begin = first->range.begin;
  } else if (!first || first->range.begin > addr) {
    return -ENOMEM;
  } else if (grows == PROT_GROWSUP) {
    return -EINVAL;
  }

  GuestAddr at = range.begin;
  for (const auto& m : table_.in(range)) {
    if (m.range.begin != at || m.owner != Owner::guest) return -ENOMEM;
    if (prot & ~m.max_prot) return -EACCES;
    at = m.range.end;
    if (m.prot == prot) continue;
    will_change(m.range);
    const i64 done = verdict([&] {
      return raw_syscall(SYS_mprotect, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(prot)));
    });
    if (is_error(done)) return done;
    foreign_.protect(m.range, real_prot(prot));
    table_.update(m.range, [&](Mapping& changed) {
      changed.prot = static_cast<u8>(prot);
      if (prot & PROT_WRITE && changed.flags & MAP_PRIVATE && !(changed.flags & MAP_NORESERVE))
        changed.traits |= trait_accounted;
    });
    if (prot & PROT_EXEC) engine_.code_mapped(m.range);
  }
  return at < range.end ? -ENOMEM : 0;
}

GuestAddr GuestMemory::set_brk(GuestAddr wanted, const Verdict& verdict) {
  if (wanted < heap_begin_ || wanted >= layout::stack_top) return brk_;
  const GuestAddr old_end{page_ceil(brk_.value)}, new_end{page_ceil(wanted.value)};
  refresh_growing({std::min(old_end, new_end), std::max(old_end, new_end)});
  if (new_end < old_end) {
    if (unmap_pieces({new_end, old_end}, verdict) < 0) return brk_;
    guard_heap(new_end);
  } else if (new_end > old_end) {
    const GuestRange more{old_end, new_end};
    if (!table_.is_free({more.begin, more.end + page_size})) return brk_;
    Mapping m;
    m.range = more;
    m.prot = PROT_READ | PROT_WRITE;
    m.flags = MAP_PRIVATE | MAP_ANONYMOUS;
    m.traits = trait_accounted;
    m.offset = more.begin.value;
    guard_heap(new_end);
    const i64 done = verdict([&]() -> i64 {
      if (engine_.mode() != Mode::replay) {
        rlimit data{};
        raw_syscall(SYS_prlimit64, 0, RLIMIT_DATA, 0, reinterpret_cast<u64>(&data));
        if (data.rlim_cur < wanted - heap_begin_) return -ENOMEM;
      }
      return raw_syscall(SYS_mmap, more.begin.value, more.size(), m.prot, m.flags | MAP_FIXED_NOREPLACE,
                         static_cast<u64>(-1), 0);
    });
    if (is_error(done)) {
      guard_heap(old_end);
      return brk_;
    }
    table_.insert(std::move(m));
  }
  return brk_ = wanted;
}

i64 GuestMemory::attach(GuestRange place, int prot, std::shared_ptr<const MappedFile> file, const KernelStep& attach,
                        const Verdict& verdict) {
  will_change(place);
  const i64 got = verdict(attach);
  if (is_error(got)) return got;
  erase(place);
  Mapping m;
  m.range = place;
  m.prot = static_cast<u8>(prot);
  m.max_prot = static_cast<u8>(prot & PROT_WRITE ? prot_all : prot_all & ~PROT_WRITE);
  m.flags = MAP_SHARED;
  m.file = std::move(file);
  table_.insert(std::move(m));
  shares_memory_ = true;
  ++shared_mappings_made_;
  if (prot & PROT_EXEC) engine_.code_mapped(place);
  return got;
}

i64 GuestMemory::name_anonymous(GuestAddr addr, u64 size, const std::string& name) {
  if (addr.value % page_size) return -EINVAL;
  size = page_ceil(size);
  if (addr.value + size < addr.value) return -EINVAL;
  if (size == 0) return 0;
  const GuestRange range = guest_range(addr, size);
  GuestAddr at = addr;
  bool hole = false;
  for (const auto& m : table_.in(range)) {
    hole |= m.range.begin != at || m.owner != Owner::guest;
    at = m.range.end;
    if (m.owner != Owner::guest) continue;
    if (m.file) return -EBADF;
    table_.update(m.range, [&](Mapping& c) { c.name = name.empty() ? "" : "[anon:" + name + "]"; });
  }
  return hole || at < range.end ? -ENOMEM : 0;
}

}  // namespace fred
