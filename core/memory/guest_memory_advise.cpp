// madvise. What an advice does to contents must be the same in live and in a worker, so advice that leaves
// the moment to the kernel (MADV_FREE) is done at once; what concerns forks is kept in the table, because
// snapshots are forks too.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

constexpr int collapse = 25, dontneed_locked = 24, soft_offline = 101;

enum class Advice : u8 {
  unknown,  // EINVAL; also guard regions, which the table cannot show: callers fall back to mprotect
  hint,     // no effect that the guest could see
  live,     // the kernel's verdict counts, the effect is the worker's own business
  drop,     // contents go
  punch,    // contents of a shared object go
  fork,     // kept in the table
  refused,  // EPERM
};

struct Row {
  int advice;
  Advice kind;
  u16 sets = 0, clears = 0;  // MappingTraits, if the kernel agreed
};
constexpr Row rows[] = {
    {MADV_NORMAL, Advice::hint, 0, trait_random | trait_sequential},
    {MADV_RANDOM, Advice::hint, trait_random, trait_sequential},
    {MADV_SEQUENTIAL, Advice::hint, trait_sequential, trait_random},
    {MADV_WILLNEED, Advice::hint},
    {MADV_DONTNEED, Advice::drop},
    {MADV_FREE, Advice::drop},
    {MADV_REMOVE, Advice::punch},
    {MADV_DONTFORK, Advice::fork, trait_dont_fork},
    {MADV_DOFORK, Advice::fork, 0, trait_dont_fork},
    {MADV_MERGEABLE, Advice::live, trait_mergeable},
    {MADV_UNMERGEABLE, Advice::live, 0, trait_mergeable},
    {MADV_HUGEPAGE, Advice::hint, trait_huge, trait_no_huge},
    {MADV_NOHUGEPAGE, Advice::hint, trait_no_huge, trait_huge},
    {MADV_DONTDUMP, Advice::hint, trait_no_dump},
    {MADV_DODUMP, Advice::hint, 0, trait_no_dump},
    {MADV_WIPEONFORK, Advice::fork, trait_wipe_on_fork},
    {MADV_KEEPONFORK, Advice::fork, 0, trait_wipe_on_fork},
    {MADV_COLD, Advice::hint},
    {MADV_PAGEOUT, Advice::hint},
    {MADV_POPULATE_READ, Advice::live},
    {MADV_POPULATE_WRITE, Advice::live},
    {dontneed_locked, Advice::drop},
    {collapse, Advice::live},
    {MADV_HWPOISON, Advice::refused},
    {soft_offline, Advice::refused},
};

const Row& row_of(int advice) {
  static constexpr Row unknown{0, Advice::unknown};
  const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.advice == advice; });
  return row == std::end(rows) ? unknown : *row;
}

Advice kind_of(int advice) { return row_of(advice).kind; }

}  // namespace

i64 GuestMemory::advise_one(const Mapping& m, int advice, const Verdict& verdict) {
  const auto pass = [&](int what) {
    return raw_syscall(SYS_madvise, m.range.begin.value, m.range.size(), static_cast<u64>(what));
  };
  const auto in_live = [&](int what) {
    return verdict([&]() -> i64 {
      const i64 done = pass(what);
      return engine_.mode() == Mode::replay ? 0 : done;
    });
  };
  const Row& row = row_of(advice);
  const auto remember = [&](i64 done) {
    if (done == 0 && (row.sets || row.clears))
      table_.update(m.range, [&](Mapping& c) { c.traits = static_cast<u16>((c.traits & ~row.clears) | row.sets); });
    return done;
  };
  const bool shared = m.flags & MAP_SHARED;
  switch (row.kind) {
    case Advice::hint:
      return remember(in_live(advice));
    case Advice::live:
      if (advice == MADV_POPULATE_WRITE) shared_pages_.open(m.range);
      return remember(verdict([&]() -> i64 { return engine_.mode() == Mode::replay ? 0 : pass(advice); }));
    case Advice::drop:
      if (advice == MADV_FREE && (shared || m.file)) return -EINVAL;
      // Contents of a shared object stay, while what stands for one here may be private memory.
      if (shared) return 0;
      will_change(m.range);
      return verdict([&] { return pass(advice == dontneed_locked ? advice : MADV_DONTNEED); });
    case Advice::punch:
      if (!shared) return m.file ? -EACCES : -EINVAL;
      if (!(m.max_prot & PROT_WRITE)) return -EACCES;
      will_change(m.range);
      return verdict([&]() -> i64 {
        const auto* alias = foreign_.alias(m.range.begin);
        if (alias != nullptr) {
          const i64 done = raw_syscall(SYS_madvise, reinterpret_cast<u64>(alias), m.range.size(), MADV_REMOVE);
          if (is_error(done)) return done;
        }
        return pass(m.traits & (trait_private_yet | trait_foreign) ? MADV_DONTNEED : advice);
      });
    case Advice::fork:
      if (advice == MADV_WIPEONFORK && (shared || m.file)) return -EINVAL;
      return remember(0);
    case Advice::refused:
      return -EPERM;
    case Advice::unknown:
      break;
  }
  return -EINVAL;
}

i64 GuestMemory::advise(GuestAddr addr, u64 size, int advice, const Verdict& verdict) {
  if (kind_of(advice) == Advice::unknown || addr.value % page_size) return -EINVAL;
  const u64 whole = page_ceil(size);
  if (size && !whole) return -EINVAL;
  if (addr.value + whole < addr.value) return -EINVAL;
  if (whole == 0) return 0;
  if (kind_of(advice) == Advice::refused) return -EPERM;
  const GuestRange range = guest_range(addr, whole);
  refresh_growing(range);
  GuestAddr at = addr;
  bool hole = false;
  for (const auto& m : table_.in(range)) {
    hole |= m.range.begin != at || m.owner != Owner::guest;
    at = m.range.end;
    if (m.owner != Owner::guest) continue;
    if (const i64 r = advise_one(m, advice, verdict); r < 0) return r;
  }
  return hole || at < range.end ? -ENOMEM : 0;
}

}  // namespace fred
