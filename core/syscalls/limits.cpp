#include "core/syscalls/limits.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/syscalls/handlers.h"

namespace fred {
namespace {

GuestLimits limits_of_guest;

constexpr u64 kept_resources[] = {RLIMIT_CORE, RLIMIT_AS, RLIMIT_DATA};

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

/// getrlimit, setrlimit and prlimit64 on this process. `set` and `get` may be null.
i64 change_kept(Syscall& call, ResourceLimit& kept, GuestAddr set, GuestAddr get) {
  const ResourceLimit old = kept;
  if (set.value != 0) {
    ResourceLimit wanted;
    if (!call.get(wanted, set)) return -EFAULT;
    if (const i64 answer = set_kept(call, kept, wanted); answer != 0) return answer;
  }
  return get.value == 0 || call.put(get, old) ? 0 : -EFAULT;
}

}  // namespace

ResourceLimit* GuestLimits::find(u64 resource) {
  switch (static_cast<u32>(resource)) {
    case RLIMIT_CORE:
      return &core;
    case RLIMIT_AS:
      return &address_space;
    case RLIMIT_DATA:
      return &data;
    default:
      return nullptr;
  }
}

GuestLimits& guest_limits() { return limits_of_guest; }

void take_over_limits() {
  for (const u64 resource : kept_resources) {
    ResourceLimit& kept = *limits_of_guest.find(resource);
    if (kernel_limit(resource, nullptr, &kept) != 0) continue;
    // The hard limit stays, so that hand_back_limits needs no privilege.
    const ResourceLimit own{resource == RLIMIT_CORE ? 0 : kept.hard, kept.hard};
    kernel_limit(resource, &own, nullptr);
  }
}

void hand_back_limits() {
  for (const u64 resource : kept_resources) kernel_limit(resource, limits_of_guest.find(resource), nullptr);
}

/// A worker follows the stack's limit: it decides where the growing of a stack ends.
void follow_stack_limit(Syscall& call, u64 resource, GuestAddr set, i64 result) {
  ResourceLimit wanted;
  if (!call.replaying() || result != 0 || resource != RLIMIT_STACK || set.value == 0 || !call.get(wanted, set)) return;
  kernel_limit(resource, &wanted, nullptr);
}

i64 sys_getrlimit(Syscall& call) {
  if (ResourceLimit* kept = guest_limits().find(call.arg(0)))
    return call.arg(1) == 0 ? -EFAULT : change_kept(call, *kept, {}, call.addr(1));
  call.will_write(call.addr(1), sizeof(ResourceLimit));
  const i64 result = call.execute();
  if (result == 0) call.output(call.addr(1), sizeof(ResourceLimit));
  return result;
}

i64 sys_setrlimit(Syscall& call) {
  if (ResourceLimit* kept = guest_limits().find(call.arg(0)))
    return call.arg(1) == 0 ? -EFAULT : change_kept(call, *kept, call.addr(1), {});
  const i64 result = call.execute();
  follow_stack_limit(call, call.arg(0), call.addr(1), result);
  return result;
}

i64 sys_prlimit64(Syscall& call) {
  if (ResourceLimit* kept = guest_limits().find(call.arg(1))) {
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
