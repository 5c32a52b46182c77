#include "core/syscalls/futex_priority.h"

#include <linux/futex.h>

#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

/// A signal does not end such a wait: it begins anew.
i64 anew_if_interrupted(i64 result) { return result == -EINTR ? restart_call : result; }

i64 lock(Syscall& call, Threads& threads, bool only_try, bool realtime) {
  const u32 own = static_cast<u32>(threads.running().tid);
  u32 word;
  if (!call.get(word, call.addr(0))) return -EFAULT;
  if (owner_of(word) == own) return -EDEADLK;
  const bool free = owner_of(word) == 0;
  if (!call.put(call.addr(0), free ? (word & FUTEX_OWNER_DIED) | own : word | FUTEX_WAITERS)) return -EFAULT;
  if (free) return 0;
  if (threads.find(static_cast<ThreadId>(owner_of(word))) == nullptr) return -ESRCH;
  if (only_try) return -EAGAIN;
  const Threads::FutexLimit limit{.at = call.addr(3), .absolute = true, .realtime = realtime};
  const FutexPlace place{
      .address = call.arg(0), .private_ = (call.arg(1) & FUTEX_PRIVATE_FLAG) != 0, .owns_next = true};
  // The owner makes this thread the next one when it unlocks.
  return anew_if_interrupted(call.perform([&] { return threads.wait_on_futex(call, place, limit); }));
}

i64 unlock(Syscall& call, Threads& threads) {
  u32 word;
  if (!call.get(word, call.addr(0))) return -EFAULT;
  if (owner_of(word) != static_cast<u32>(threads.running().tid)) return -EPERM;
  const i64 next = call.perform([&] { return static_cast<i64>(threads.hand_over_lock(call.arg(0))); });
  return call.put(call.addr(0), next != 0 ? FUTEX_WAITERS | static_cast<u32>(next) : 0u) ? 0 : -EFAULT;
}

i64 wait_then_lock(Syscall& call, Threads& threads) {
  u32 word;
  if (call.arg(0) == call.arg(4) || call.arg(4) % 4 != 0) return -EINVAL;
  if (!call.get(word, call.addr(0))) return -EFAULT;
  if (word != static_cast<u32>(call.arg(2))) return -EAGAIN;
  const Threads::FutexLimit limit{
      .at = call.addr(3), .absolute = true, .realtime = (call.arg(1) & FUTEX_CLOCK_REALTIME) != 0};
  const FutexPlace place{
      .address = call.arg(0), .private_ = (call.arg(1) & FUTEX_PRIVATE_FLAG) != 0, .then_lock = call.arg(4)};
  return anew_if_interrupted(call.perform([&] { return threads.wait_on_futex(call, place, limit); }));
}

i64 move_on(Syscall& call, Threads& threads) {
  u32 word;
  if (static_cast<u32>(call.arg(2)) != 1 || static_cast<i32>(call.arg(3)) < 0) return -EINVAL;
  if (call.arg(0) == call.arg(4) || call.arg(4) % 4 != 0) return -EINVAL;
  if (!call.get(word, call.addr(0)) || !call.get(&word, call.addr(4), sizeof word)) return -EFAULT;
  call.get(word, call.addr(0));
  if (word != static_cast<u32>(call.arg(5))) return -EAGAIN;
  const u64 most = u64{1} + static_cast<u32>(call.arg(3));  // one that gets the lock, and those that wait for it
  const i64 result = call.perform([&] { return threads.move_on_to_lock(call, call.arg(0), call.addr(4), most); });
  if (!is_error(result)) call.output(call.addr(4), sizeof word);
  return result;
}

}  // namespace

i64 priority_futex(Syscall& call, Threads& threads) {
  const bool realtime = (call.arg(1) & FUTEX_CLOCK_REALTIME) != 0;
  switch (static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK) {
    case FUTEX_LOCK_PI:
      return lock(call, threads, false, true);
    case FUTEX_LOCK_PI2:
      return lock(call, threads, false, realtime);
    case FUTEX_TRYLOCK_PI:
      return lock(call, threads, true, true);
    case FUTEX_UNLOCK_PI:
      return unlock(call, threads);
    case FUTEX_WAIT_REQUEUE_PI:
      return wait_then_lock(call, threads);
    default:
      return move_on(call, threads);
  }
}

}  // namespace fred
