// Irregular calls that belong to no family.
#include <linux/capability.h>
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/dispatch/guest_engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/iovecs.h"
#include "core/syscalls/walk.h"
#include "core/syscalls/walker.h"
#include "core/threads/threads.h"

namespace fred {

/// Nobody calls this natively: the kernel does, for a call that it restarts. The engine restarts calls by
/// itself, so there is never anything to go on with.
i64 sys_restart_syscall(Syscall&) { return -EINTR; }

i64 sys_capget(Syscall& call) {
  struct __user_cap_header_struct header {};
  const bool readable = call.get(header, call.addr(0));
  const u64 sets = header.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
  const u64 size = sets * sizeof(struct __user_cap_data_struct);
  call.will_write(call.addr(0), sizeof header);
  if (call.arg(1) != 0) call.will_write(call.addr(1), size);
  const i64 result = call.execute();
  // A version that the kernel does not know is answered with its own.
  if (readable && result != -EFAULT) call.output(call.addr(0), sizeof header);
  if (!is_error(result) && call.arg(1) != 0) call.output(call.addr(1), size);
  return result;
}

i64 sys_sysfs(Syscall& call) {
  constexpr u64 name_of_index = 2;
  if (call.arg(0) != name_of_index) return call.execute();
  constexpr u64 room = 64;
  call.will_write(call.addr(2), room);
  const i64 result = call.execute();
  if (is_error(result)) return result;
  // Only the kernel knows how long the name is.
  u64 size = call.replaying() ? 0 : std::strlen(call.addr(2).ptr<char>()) + 1;
  call.value(&size, sizeof size);
  call.output(call.addr(2), size);
  return result;
}

namespace {

/// Bytes that a quota command writes at its address. The upper 24 bits of `command` are the operation.
u64 quota_output(u32 command) {
  switch (command >> SUBCMDSHIFT) {
    case Q_GETFMT:
      return sizeof(u32);
    case Q_GETINFO:
      return sizeof(struct if_dqinfo);
    case Q_GETQUOTA:
      return sizeof(struct if_dqblk);
    case Q_GETNEXTQUOTA:
      return sizeof(struct if_nextdqblk);
    case Q_XGETQUOTA:
    case Q_XGETNEXTQUOTA:
      return sizeof(struct fs_disk_quota);
    case Q_XGETQSTAT:
      return sizeof(struct fs_quota_stat);
    case Q_XGETQSTATV:
      return sizeof(struct fs_quota_statv);
    default:
      return 0;
  }
}

i64 quota(Syscall& call, u32 command, GuestAddr at) {
  const u64 size = at.value == 0 ? 0 : quota_output(command);
  if (size != 0) call.will_write(at, size);
  const i64 result = call.execute();
  if (size != 0 && !is_error(result)) call.output(at, size);
  return result;
}

}  // namespace

i64 sys_quotactl(Syscall& call) { return quota(call, static_cast<u32>(call.arg(0)), call.addr(3)); }
i64 sys_quotactl_fd(Syscall& call) { return quota(call, static_cast<u32>(call.arg(1)), call.addr(3)); }

/// Reads any process; what arrives here is recorded.
i64 sys_process_vm_readv(Syscall& call) {
  IoVecs local;
  local.read(call, call.addr(1), call.arg(2));
  call.pass(1, local.receive(call, call.addr(1)));
  const i64 result = call.execute();
  if (result > 0) local.output(call, static_cast<u64>(result));
  return result;
}

/// Writes this process only: another one would change behind its own recording.
i64 sys_process_vm_writev(Syscall& call) {
  u64 pid = call.replaying() ? 0 : static_cast<u64>(raw_syscall(SYS_getpid));
  call.value(&pid, sizeof pid);
  if (static_cast<u32>(pid) != static_cast<u32>(call.arg(0))) return -EPERM;
  IoVecs remote;
  remote.read(call, call.addr(3), call.arg(4));
  call.pass(3, remote.receive(call, call.addr(3)));
  const i64 result = call.execute();
  if (result > 0) remote.output(call, static_cast<u64>(result));
  return result;
}

namespace {

/// Where the wait calls will leave out children that are the engine's and not the guest's (forked
/// snapshots, once live has them as children). Live has none.
i64 wait_for_guest_children(Syscall& call) { return walk_row(call); }

}  // namespace

i64 sys_wait4(Syscall& call) { return wait_for_guest_children(call); }
i64 sys_waitid(Syscall& call) { return wait_for_guest_children(call); }

i64 sys_sched_setaffinity(Syscall& call) {
  guest_engine(call).threads().free_processors(true);
  return walk_row(call);
}

i64 sys_sched_getaffinity(Syscall& call) {
  guest_engine(call).threads().free_processors(false);
  return walk_row(call);
}

}  // namespace fred
