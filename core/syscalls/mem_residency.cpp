// Calls about where and whether pages are in memory. They change nothing that the guest could compute, so a
// worker takes their results and does nothing.
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"
#include "core/syscalls/handlers.h"

namespace fred {

namespace {

GuestRange pages_of(GuestAddr addr, u64 size) {
  const u64 begin = page_floor(addr.value);
  const u64 end = page_ceil(addr.value + size);
  return {GuestAddr{begin}, GuestAddr{std::max(begin, end)}};
}

/// Where the first hole (or engine range) in the guest's mappings is, at most range.end.
GuestAddr first_hole(const AddressMap& table, GuestRange range) {
  GuestAddr at = range.begin;
  while (at < range.end) {
    const Mapping* m = table.find(at);
    if (!m || m->owner != Owner::guest) return at;
    at = m->range.end;
  }
  return range.end;
}

/// The call as it is; where the kernel saw engine pages, the guest has a hole.
i64 pass_over_range(Syscall& call) {
  const GuestRange range = pages_of(call.addr(0), call.arg(1));
  const bool whole = first_hole(call.engine().memory().table(), range) == range.end;
  const i64 result = call.execute();
  return result == 0 && !whole && !range.empty() ? -ENOMEM : result;
}

bool may_lock_anything() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  raw_syscall(SYS_capget, reinterpret_cast<u64>(&header), reinterpret_cast<u64>(data));
  return data[0].effective & (1u << CAP_IPC_LOCK);
}

}  // namespace

i64 sys_msync(Syscall& call) {
  constexpr u64 known = MS_ASYNC | MS_INVALIDATE | MS_SYNC;
  if (call.arg(2) & ~known || call.addr(0).value % page_size) return -EINVAL;
  return pass_over_range(call);
}

i64 sys_mlock(Syscall& call) { return pass_over_range(call); }
i64 sys_mlock2(Syscall& call) { return pass_over_range(call); }
i64 sys_munlock(Syscall& call) { return pass_over_range(call); }
i64 sys_munlockall(Syscall& call) { return call.execute(); }

// The engine's own memory must not count against the guest's limit, nor be locked by MCL_FUTURE (which is
// accepted and without effect): the guest's mappings are locked one by one.
i64 sys_mlockall(Syscall& call) {
  const u64 flags = call.arg(0);
  constexpr u64 known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
  if (flags == 0 || flags & ~known || flags == MCL_ONFAULT) return -EINVAL;
  return call.perform([&]() -> i64 {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, reinterpret_cast<u64>(&limit));
    const bool anything = may_lock_anything();
    if (limit.rlim_cur == 0 && !anything) return -EPERM;
    if (!(flags & MCL_CURRENT)) return 0;
    u64 total = 0;
    const auto& all = call.engine().memory().table().all();
    for (const auto& [begin, m] : all)
      if (m.owner == Owner::guest) total += m.range.size();
    if (total > limit.rlim_cur && !anything) return -ENOMEM;
    for (const auto& [begin, m] : all)
      if (m.owner == Owner::guest)
        raw_syscall(SYS_mlock2, begin.value, m.range.size(), flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0);
    return 0;
  });
}

i64 sys_mincore(Syscall& call) {
  const GuestAddr start = call.addr(0), to = call.addr(2);
  if (start.value % page_size) return -EINVAL;
  if (call.arg(1) > layout::task_size || start.value > layout::task_size - call.arg(1)) return -ENOMEM;
  const GuestRange range = pages_of(start, call.arg(1));
  const GuestAddr end = first_hole(call.engine().memory().table(), range);
  const GuestRange known{start, end};
  const u64 pages = known.size() / page_size;
  call.will_write(to, pages);
  const i64 result = call.execute(SYS_mincore, start.value, known.size(), to.value, 0, 0, 0);
  if (result < 0) return result;
  call.output(to, pages);
  return end < range.end ? -ENOMEM : 0;
}

// Memory policies steer where pages lie, not what is in them: passed on.
i64 sys_mbind(Syscall& call) { return call.execute(); }
i64 sys_set_mempolicy(Syscall& call) { return call.execute(); }
i64 sys_migrate_pages(Syscall& call) { return call.execute(); }

i64 sys_get_mempolicy(Syscall& call) {
  const GuestAddr mode = call.addr(0), nodes = call.addr(1);
  const u64 bits = call.arg(2);
  const u64 node_bytes = bits ? std::min((bits - 1 + 63) / 64 * 8, page_size) : 0;
  if (mode.value) call.will_write(mode, sizeof(i32));
  if (nodes.value) call.will_write(nodes, node_bytes);
  const i64 result = call.execute();
  if (is_error(result)) return result;
  if (mode.value) call.output(mode, sizeof(i32));
  if (nodes.value) call.output(nodes, node_bytes);
  return result;
}

i64 sys_move_pages(Syscall& call) {
  const GuestAddr status = call.addr(4);
  const u64 bytes = std::min<u64>(call.arg(1), u64{1} << 28) * sizeof(i32);
  if (status.value) call.will_write(status, bytes);
  const i64 result = call.execute();
  if (!is_error(result) && status.value) call.output(status, bytes);
  return result;
}

}  // namespace fred
