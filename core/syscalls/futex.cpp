// futex. What the threads of the recorded process do among themselves is done here, by value and queue, without the
// kernel (core/threads/futex_queue.h). The kernel has a say where memory is shared with other processes, and where the
// guest has one thread only.
#include <linux/futex.h>
#include <sys/syscall.h>

#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/syscalls/futex_priority.h"
#include "core/syscalls/futex_shared_priority.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"
#include "core/threads/threads.h"

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

i64 ask_kernel(Syscall& call) {
  const i32 command = static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK;
  const FutexEffect effect = effect_of(command);
  // A lock is waited for without the turn: its owner may be another thread. The kernel writes the word meanwhile, as
  // other processes do that share it.
  const bool locks = command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI;
  const auto will_write = [&](GuestAddr at) {
    if (!locks) return call.will_write(at, 4);
    call.engine().open_pages(guest_range(at, 4));
    call.engine().memory().shared_pages().compare_whole(guest_range(at, 4));
  };
  if (effect.first) will_write(call.addr(0));
  if (effect.second) will_write(call.addr(4));
  const i64 result = call.execute();
  // A failed lock may have set the bit that says somebody waits, and a wake-up without sleepers still did
  // its operation.
  if (result == -EFAULT || result == -ENOSYS) return result;
  if (effect.first) call.output(call.addr(0), 4);
  if (effect.second) call.output(call.addr(4), 4);
  return result;
}

/// Others may know the word, in this process or not.
i64 ask_about_shared(Syscall& call) {
  const i32 command = static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK;
  const bool locks = command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 || command == FUTEX_TRYLOCK_PI;
  if (!locks && command != FUTEX_UNLOCK_PI) return ask_kernel(call);
  const auto word = shared_word(call, call.addr(0));
  if (!word) return ask_kernel(call);
  if (locks) return lock_shared(call, *word);
  const auto unlocked = unlock_shared(call, *word);
  return unlocked ? *unlocked : ask_kernel(call);
}

/// Do only threads of this process know the word?
bool is_private(Syscall& call, Threads& threads, GuestAddr at) {
  return (call.arg(1) & FUTEX_PRIVATE_FLAG) != 0 || !threads.is_shared_word(at);
}

constexpr u32 any_bit = ~0u;

/// Wakes who waits here, then who waits in the kernel for words of this process as well (futex_waitv).
i64 wake(Threads& threads, u64 address, u32 most, u32 bits, bool private_) {
  const i64 woken = threads.wake_futex(address, most, bits);
  if (woken >= static_cast<i64>(most) || !threads.futex_waits_in_kernel()) return woken;
  const u64 command = FUTEX_WAKE_BITSET | (private_ ? FUTEX_PRIVATE_FLAG : 0);
  const i64 more = raw_syscall(SYS_futex, threads.kernel_address(GuestAddr{address}), command,
                               most - static_cast<u64>(woken), 0, 0, bits);
  return more > 0 ? woken + more : woken;
}

/// FUTEX_WAKE_OP's operation: what the second word becomes, and whether its waiters are to be woken (futex(2)).
struct WakeOperation {
  explicit WakeOperation(u32 encoded)
      : operation_(encoded >> 28 & 7),
        comparison_(encoded >> 24 & 15),
        argument_(signed12(encoded >> 12)),
        compared_(signed12(encoded)) {
    if ((encoded >> 28 & FUTEX_OP_OPARG_SHIFT) != 0) argument_ = static_cast<i32>(1u << (argument_ & 31));
  }
  bool valid() const { return operation_ <= FUTEX_OP_XOR && comparison_ <= FUTEX_OP_CMP_GE; }
  u32 apply(u32 old) const {
    const u32 argument = static_cast<u32>(argument_);
    switch (operation_) {
      case FUTEX_OP_SET:
        return argument;
      case FUTEX_OP_ADD:
        return old + argument;
      case FUTEX_OP_OR:
        return old | argument;
      case FUTEX_OP_ANDN:
        return old & ~argument;
      default:
        return old ^ argument;
    }
  }
  bool wakes(u32 old) const {
    const i32 word = static_cast<i32>(old);
    switch (comparison_) {
      case FUTEX_OP_CMP_EQ:
        return word == compared_;
      case FUTEX_OP_CMP_NE:
        return word != compared_;
      case FUTEX_OP_CMP_LT:
        return word < compared_;
      case FUTEX_OP_CMP_LE:
        return word <= compared_;
      case FUTEX_OP_CMP_GT:
        return word > compared_;
      default:
        return word >= compared_;
    }
  }

 private:
  static i32 signed12(u32 bits) { return static_cast<i32>(bits << 20) >> 20; }
  u32 operation_, comparison_;
  i32 argument_, compared_;
};

i64 wake_with_operation(Syscall& call, Threads& threads) {
  const WakeOperation operation(static_cast<u32>(call.arg(5)));
  u32 word;
  if (!operation.valid()) return -ENOSYS;
  if (!call.get(word, call.addr(4)) || !call.put(call.addr(4), operation.apply(word))) return -EFAULT;
  return call.perform([&] {
    i64 woken = threads.wake_futex(call.arg(0), static_cast<u32>(call.arg(2)), any_bit);
    if (operation.wakes(word)) woken += threads.wake_futex(call.arg(4), static_cast<u32>(call.arg(3)), any_bit);
    return woken;
  });
}

i64 wait(Syscall& call, Threads& threads, bool with_bits) {
  const u32 bits = with_bits ? static_cast<u32>(call.arg(5)) : any_bit;
  if (bits == 0) return -EINVAL;
  u32 word;
  if (!call.get(word, call.addr(0))) return -EFAULT;
  if (word != static_cast<u32>(call.arg(2))) return -EAGAIN;
  const Threads::FutexLimit limit{
      .at = call.addr(3), .absolute = with_bits, .realtime = (call.arg(1) & FUTEX_CLOCK_REALTIME) != 0};
  const FutexPlace place{.address = call.arg(0), .bits = bits, .private_ = (call.arg(1) & FUTEX_PRIVATE_FLAG) != 0};
  return call.perform([&] { return threads.wait_on_futex(call, place, limit); });
}

/// A wait without end, by the only thread.
void look_for_deadlock(Syscall& call, Threads& threads) {
  const auto command = static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK;
  u32 word;
  if (command != FUTEX_WAIT && (command != FUTEX_WAIT_BITSET || static_cast<u32>(call.arg(5)) == 0)) return;
  if (call.arg(3) != 0 || call.arg(0) % 4 != 0 || !is_private(call, threads, call.addr(0)) ||
      !call.get(word, call.addr(0)))
    return;
  if (word == static_cast<u32>(call.arg(2))) threads.waits_alone(call.arg(0));
}

i64 requeue(Syscall& call, Threads& threads, bool compare) {
  u32 word;
  if (static_cast<i32>(call.arg(2)) < 0 || static_cast<i32>(call.arg(3)) < 0) return -EINVAL;
  if (compare && !call.get(word, call.addr(0))) return -EFAULT;
  if (compare && word != static_cast<u32>(call.arg(5))) return -EAGAIN;
  return call.perform([&] {
    return threads.requeue_futex(call.arg(0), call.arg(4), static_cast<u32>(call.arg(2)),
                                 static_cast<u32>(call.arg(3)));
  });
}

}  // namespace

i64 sys_futex(Syscall& call) {
  auto& threads = guest_engine(call).threads();
  if (threads.alone()) look_for_deadlock(call, threads);
  if (threads.alone() || !is_private(call, threads, call.addr(0))) return ask_about_shared(call);
  if (call.arg(0) % 4 != 0) return -EINVAL;
  const u32 count = static_cast<u32>(call.arg(2));
  const bool private_ = (call.arg(1) & FUTEX_PRIVATE_FLAG) != 0;
  switch (static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
      return wait(call, threads, false);
    case FUTEX_WAIT_BITSET:
      return wait(call, threads, true);
    case FUTEX_WAKE:
      return call.perform([&] { return wake(threads, call.arg(0), count, any_bit, private_); });
    case FUTEX_WAKE_BITSET:
      if (static_cast<u32>(call.arg(5)) == 0) return -EINVAL;
      return call.perform([&] { return wake(threads, call.arg(0), count, static_cast<u32>(call.arg(5)), private_); });
    case FUTEX_REQUEUE:
      return requeue(call, threads, false);
    case FUTEX_CMP_REQUEUE:
      return requeue(call, threads, true);
    case FUTEX_WAKE_OP:
      return wake_with_operation(call, threads);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI:
      return priority_futex(call, threads);
    default:
      return ask_kernel(call);
  }
}

i64 sys_futex_wake(Syscall& call) {
  constexpr u64 private_flag = FUTEX_PRIVATE_FLAG;
  auto& threads = guest_engine(call).threads();
  const bool private_ = (call.arg(3) & private_flag) != 0;
  if (threads.alone() || (!private_ && threads.is_shared_word(call.addr(0)))) return call.execute();
  // What the kernel would say of such arguments; then who waits here, who waits there.
  return call.perform([&]() -> i64 {
    const u32 most = static_cast<u32>(call.arg(2));
    const i64 there = raw_syscall(call.number(), call.arg(0), call.arg(1), call.arg(2), call.arg(3));
    if (is_error(there) || there >= static_cast<i64>(most)) return there;
    return there + threads.wake_futex(call.arg(0), most - static_cast<u32>(there), static_cast<u32>(call.arg(1)));
  });
}

}  // namespace fred
