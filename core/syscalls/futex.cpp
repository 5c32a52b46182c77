// futex: most commands only look at the word; some write it, or a second one.
#include <linux/futex.h>

#include <cerrno>

#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

/// Which words a command may write. The first is that of argument 0, the second that of argument 4.
struct FutexEffect {
  bool first = false, second = false;
};

FutexEffect effect_of(i32 command) {
  switch (command) {
    case FUTEX_WAKE_OP:
      return {.second = true};
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
      return {.first = true};
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI:
      return {.first = true, .second = true};
    default:
      return {};
  }
}

}  // namespace

i64 sys_futex(Syscall& call) {
  const FutexEffect effect = effect_of(static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK);
  if (effect.first) call.will_write(call.addr(0), 4);
  if (effect.second) call.will_write(call.addr(4), 4);
  const i64 result = call.execute();
  // A failed lock may have set the bit that says somebody waits, and a wake-up without sleepers still did
  // its operation.
  if (result == -EFAULT || result == -ENOSYS) return result;
  if (effect.first) call.output(call.addr(0), 4);
  if (effect.second) call.output(call.addr(4), 4);
  return result;
}

}  // namespace fred
