#include "core/attach/release.h"

#include <sys/syscall.h>

#include "core/base/descriptor.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/signals/kernel_signals.h"
#include "core/syscalls/limits.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

void restore_dispositions(const GuestSignalState& state) {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    raw_syscall(SYS_rt_sigaction, static_cast<u64>(signal), reinterpret_cast<u64>(&state.actions[signal]), 0, 8);
  }
}

}  // namespace

/// The functions of the kernel's vDSO stay system calls: a thread may stand in the middle of one.
void release(GuestEngine& engine, i64 done) {
  if (engine.ended() || !engine.is_safe_point()) return;
  begin_release();
  await_farewell();
  engine.threads().go_native([&engine, done] {
    engine.memory().become_native();
    close_engine_descriptors(done);
    hand_back_limits();
    engine.threads().free_processors(true);
    restore_dispositions(engine.signals().state());
    return done;
  });
}

}  // namespace fred
