#include "core/dispatch/fork.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/turn.h"

extern "C" fred::i64 fred_orphan_fork(fred::u64 flags, fred::i64* pid);

namespace fred {

i64 fork_engine(Cpu& cpu, u64 flags, u64 parent_tid, u64 child_tid) {
  block_all_signals();
  leave_home();
  auto& memory = cpu.state_memory();
  if (!memory.prepare_fork()) return -ENOMEM;
  const i64 pid = raw_syscall(SYS_clone, flags & ~u64{CLONE_SETTLS}, 0, parent_tid, child_tid, 0);
  if (pid == 0) {
    memory.forked_child();
  } else {
    memory.forked_parent();
  }
  return pid;
}

i64 fork_engine_orphan(Cpu& cpu) {
  block_all_signals();
  leave_home();
  auto& memory = cpu.state_memory();
  if (!memory.prepare_fork()) return -ENOMEM;
  i64 pid = 0;
  const i64 between = fred_orphan_fork(SIGCHLD, &pid);
  if (between == 0) {
    memory.forked_child();
    return 0;
  }
  memory.forked_parent();
  if (between < 0) return between;
  while (raw_syscall(SYS_wait4, static_cast<u64>(between), 0, __WALL, 0) == -EINTR) {
  }
  return pid;
}

}  // namespace fred
