// System V messages and semaphores. (Shared memory is memory: memory.cpp.)
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include <algorithm>
#include <cerrno>

#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

constexpr i32 with_old_flag = 0x100;  // IPC_64: libraries may set it, this kernel interface ignores it

i64 execute_with_output(Syscall& call, GuestAddr at, u64 size) {
  if (at.value != 0 && size != 0) call.will_write(at, size);
  const i64 result = call.execute();
  if (!is_error(result) && at.value != 0 && size != 0) call.output(at, size);
  return result;
}

}  // namespace

i64 sys_msgrcv(Syscall& call) {
  const u64 room = bounded_size(call.arg(2), 1);
  call.receive(1, room + sizeof(i64));
  const i64 result = call.execute();
  // The type, a long, comes before the text.
  if (!is_error(result)) call.output(call.addr(1), std::min(room, static_cast<u64>(result)) + sizeof(i64));
  return result;
}

i64 sys_msgctl(Syscall& call) {
  switch (static_cast<i32>(call.arg(1)) & ~with_old_flag) {
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY:
      return execute_with_output(call, call.addr(2), sizeof(struct msqid_ds));
    case IPC_INFO:
    case MSG_INFO:
      return execute_with_output(call, call.addr(2), sizeof(struct msginfo));
    default:
      return call.execute();
  }
}

i64 sys_semctl(Syscall& call) {
  const GuestAddr at = call.addr(3);
  switch (static_cast<i32>(call.arg(2)) & ~with_old_flag) {
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
      return execute_with_output(call, at, sizeof(struct semid_ds));
    case IPC_INFO:
    case SEM_INFO:
      return execute_with_output(call, at, sizeof(struct seminfo));
    case GETALL: {
      // As many 16-bit values as the set has semaphores, which only the kernel knows.
      struct semid_ds info {};
      i64 asked = 0;
      if (!call.replaying()) asked = raw_syscall(66, call.arg(0), 0, IPC_STAT, reinterpret_cast<u64>(&info));
      u64 size = is_error(asked) ? 0 : info.sem_nsems * sizeof(u16);
      call.value(&size, sizeof size);
      return execute_with_output(call, at, size);
    }
    default:
      return call.execute();
  }
}

}  // namespace fred
