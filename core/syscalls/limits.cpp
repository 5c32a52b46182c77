#include "core/syscalls/limits.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "core/base/raw_syscall.h"
#include "core/syscalls/handlers.h"

namespace fred {
namespace {

GuestLimits limits_of_guest;

struct KeptLimit {
  u64 resource;
  ResourceLimit GuestLimits::*limit;
  bool soft_binds;  // only the hard one is kept here
};
constexpr KeptLimit kept_limits[] = {
    {RLIMIT_CORE, &GuestLimits::core, false},
    {RLIMIT_AS, &GuestLimits::address_space, false},
    {RLIMIT_DATA, &GuestLimits::data, false},
    {RLIMIT_NOFILE, &GuestLimits::descriptors, true},
};

/// The row of an RLIMIT_* number, or nullptr if the kernel keeps that one.
const KeptLimit* kept_limit(u64 resource) {
  const auto* row = std::ranges::find(kept_limits, static_cast<u32>(resource), &KeptLimit::resource);
  return row == std::end(kept_limits) ? nullptr : row;
}

i64 kernel_limit(u64 resource, const ResourceLimit* set, ResourceLimit* get) {
  return raw_syscall(SYS_prlimit64, 0, resource, reinterpret_cast<u64>(set), reinterpret_cast<u64>(get));
}

/// May this process raise a hard limit? 0, or -EPERM.
i64 may_raise() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  const i64 result = raw_syscall(SYS_capget, reinterpret_cast<u64>(&header), reinterpret_cast<u64>(data));
  return result == 0 && (data[0].effective & (1u << CAP_SYS_RESOURCE)) != 0 ? 0 : -EPERM;
}

/// The kernel's rules for a limit that it does not keep.
i64 set_kept(Syscall& call, ResourceLimit& kept, const ResourceLimit& wanted) {
  if (wanted.soft > wanted.hard) return -EINVAL;
  if (wanted.hard > kept.hard)
    if (const i64 answer = call.perform(may_raise); answer != 0) return answer;
  kept = wanted;
  return 0;
}

/// What a limit is whose soft one is the kernel's. Others than the guest may have set both.
ResourceLimit with_kernels(const KeptLimit& row, ResourceLimit kept) {
  ResourceLimit kernels;
  if (kernel_limit(row.resource, nullptr, &kernels) != 0) return kept;
  kept.soft = kernels.soft;
  if (kernels.hard != limits_of_guest.kernels_descriptors)
    kept.hard = limits_of_guest.kernels_descriptors = kernels.hard;
  return kept;
}

/// The kernel gets a soft limit, and a hard one that is never lowered.
i64 set_soft(Syscall& call, const KeptLimit& row, ResourceLimit& kept, const ResourceLimit& wanted) {
  if (wanted.soft > wanted.hard) return -EINVAL;
  const i64 result = call.perform([&]() -> i64 {
    if (wanted.hard > kept.hard)
      if (const i64 answer = may_raise(); answer != 0) return answer;
    const ResourceLimit own{wanted.soft, std::max(wanted.hard, limits_of_guest.kernels_descriptors)};
    const i64 done = kernel_limit(row.resource, &own, nullptr);
    if (done == 0) limits_of_guest.kernels_descriptors = own.hard;
    return done;
  });
  if (result == 0) kept = wanted;
  return result;
}

/// getrlimit, setrlimit and prlimit64 on this process. `set` and `get` may be null.
i64 change_kept(Syscall& call, const KeptLimit& row, GuestAddr set, GuestAddr get) {
  ResourceLimit& kept = limits_of_guest.*row.limit;
  if (row.soft_binds) {
    if (!call.replaying()) kept = with_kernels(row, kept);
    call.value(&kept, sizeof kept);
  }
  const ResourceLimit old = kept;
  if (set.value != 0) {
    ResourceLimit wanted;
    if (!call.get(wanted, set)) return -EFAULT;
    const i64 answer = row.soft_binds ? set_soft(call, row, kept, wanted) : set_kept(call, kept, wanted);
    if (answer != 0) return answer;
  }
  return get.value == 0 || call.put(get, old) ? 0 : -EFAULT;
}

}  // namespace

GuestLimits& guest_limits() { return limits_of_guest; }

void take_over_limits() {
  for (const auto& row : kept_limits) {
    ResourceLimit& kept = limits_of_guest.*row.limit;
    if (kernel_limit(row.resource, nullptr, &kept) != 0) continue;
    if (row.soft_binds) {
      limits_of_guest.kernels_descriptors = kept.hard;
      continue;
    }
    // The hard limit stays, so that hand_back_limits needs no privilege.
    const ResourceLimit own{row.resource == RLIMIT_CORE ? 0 : kept.hard, kept.hard};
    kernel_limit(row.resource, &own, nullptr);
  }
}

void hand_back_limits() {
  for (const auto& row : kept_limits) {
    ResourceLimit& kept = limits_of_guest.*row.limit;
    if (row.soft_binds) kept = with_kernels(row, kept);
    kernel_limit(row.resource, &kept, nullptr);
  }
}

/// A worker follows the stack's limit: it decides where the growing of a stack ends.
void follow_stack_limit(Syscall& call, u64 resource, GuestAddr set, i64 result) {
  ResourceLimit wanted;
  if (!call.replaying() || result != 0 || resource != RLIMIT_STACK || set.value == 0 || !call.get(wanted, set)) return;
  kernel_limit(resource, &wanted, nullptr);
}

i64 sys_getrlimit(Syscall& call) {
  if (const KeptLimit* kept = kept_limit(call.arg(0)))
    return call.arg(1) == 0 ? -EFAULT : change_kept(call, *kept, {}, call.addr(1));
  call.will_write(call.addr(1), sizeof(ResourceLimit));
  const i64 result = call.execute();
  if (result == 0) call.output(call.addr(1), sizeof(ResourceLimit));
  return result;
}

i64 sys_setrlimit(Syscall& call) {
  if (const KeptLimit* kept = kept_limit(call.arg(0)))
    return call.arg(1) == 0 ? -EFAULT : change_kept(call, *kept, call.addr(1), {});
  const i64 result = call.execute();
  follow_stack_limit(call, call.arg(0), call.addr(1), result);
  return result;
}

i64 sys_prlimit64(Syscall& call) {
  if (const KeptLimit* kept = kept_limit(call.arg(1))) {
    i64 own = static_cast<i32>(call.arg(0)) == 0;
    if (!own) {
      // Our own pid, too, means this process.
      u64 pid = call.replaying() ? 0 : static_cast<u64>(raw_syscall(SYS_getpid));
      call.value(&pid, sizeof pid);
      own = static_cast<u32>(pid) == static_cast<u32>(call.arg(0));
    }
    if (own) return change_kept(call, *kept, call.addr(2), call.addr(3));
  }
  if (call.arg(3) != 0) call.will_write(call.addr(3), sizeof(ResourceLimit));
  const i64 result = call.execute();
  if (result == 0 && call.arg(3) != 0) call.output(call.addr(3), sizeof(ResourceLimit));
  if (call.arg(0) == 0) follow_stack_limit(call, call.arg(1), call.addr(2), result);
  return result;
}

}  // namespace fred
