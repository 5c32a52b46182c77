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
};
constexpr Row rows[] = {
    {MADV_NORMAL, Advice::hint},     {MADV_RANDOM, Advice::hint},        {MADV_SEQUENTIAL, Advice::hint},
    {MADV_WILLNEED, Advice::hint},   {MADV_DONTNEED, Advice::drop},      {MADV_FREE, Advice::drop},
    {MADV_REMOVE, Advice::punch},    {MADV_DONTFORK, Advice::fork},      {MADV_DOFORK, Advice::fork},
    {MADV_MERGEABLE, Advice::live},  {MADV_UNMERGEABLE, Advice::live},   {MADV_HUGEPAGE, Advice::hint},
    {MADV_NOHUGEPAGE, Advice::hint}, {MADV_DONTDUMP, Advice::hint},      {MADV_DODUMP, Advice::hint},
    {MADV_WIPEONFORK, Advice::fork}, {MADV_KEEPONFORK, Advice::fork},    {MADV_COLD, Advice::hint},
    {MADV_PAGEOUT, Advice::hint},    {MADV_POPULATE_READ, Advice::live}, {MADV_POPULATE_WRITE, Advice::live},
    {dontneed_locked, Advice::drop}, {collapse, Advice::live},           {MADV_HWPOISON, Advice::refused},
    {soft_offline, Advice::refused},
};

Advice kind_of(int advice) {
  const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.advice == advice; });
  return row == std::end(rows) ? Advice::unknown : row->kind;
}

bool really_private(const Mapping& m) {
  return m.traits & trait_private_yet ||
         (m.file && (m.file->source == Source::direct || m.file->source == Source::stand_in));
}

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
  const auto set_trait = [&](u8 trait, bool on) {
    table_.update(m.range, [&](Mapping& c) { c.traits = static_cast<u8>(on ? c.traits | trait : c.traits & ~trait); });
    return i64{0};
  };
  const bool shared = m.flags & MAP_SHARED;
  switch (kind_of(advice)) {
    case Advice::hint:
      return in_live(advice);
    case Advice::live:
      return verdict([&]() -> i64 { return engine_.mode() == Mode::replay ? 0 : pass(advice); });
    case Advice::drop:
      if (advice == MADV_FREE && (shared || m.file)) return -EINVAL;
      // Contents of a shared object stay, and what stands for one here is private memory.
      if (shared) return really_private(m) ? 0 : in_live(advice);
      drop_code(m.range);
      return verdict([&] { return pass(advice == dontneed_locked ? advice : MADV_DONTNEED); });
    case Advice::punch:
      if (!shared) return m.file ? -EACCES : -EINVAL;
      if (!(m.max_prot & PROT_WRITE)) return -EACCES;
      drop_code(m.range);
      return verdict([&] { return pass(m.traits & trait_private_yet ? MADV_DONTNEED : advice); });
    case Advice::fork:
      if (advice == MADV_WIPEONFORK && (shared || m.file)) return -EINVAL;
      if (advice == MADV_DONTFORK || advice == MADV_DOFORK) return set_trait(trait_dont_fork, advice == MADV_DONTFORK);
      return set_trait(trait_wipe_on_fork, advice == MADV_WIPEONFORK);
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
  refresh_growing();
  const GuestRange range = guest_range(addr, whole);
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
