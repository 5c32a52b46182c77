#include "core/dispatch/fork.h"

#include <sys/syscall.h>

#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/signals/kernel_signals.h"

namespace fred {

i64 fork_engine(Cpu& cpu, u64 flags, u64 parent_tid, u64 child_tid, u64 tls) {
  block_all_signals();
  auto& memory = cpu.state_memory();
  if (!memory.prepare_fork()) return -ENOMEM;
  const i64 pid = raw_syscall(SYS_clone, flags, 0, parent_tid, child_tid, tls);
  if (pid == 0) {
    memory.forked_child();
  } else {
    memory.forked_parent();
  }
  return pid;
}

}  // namespace fred
