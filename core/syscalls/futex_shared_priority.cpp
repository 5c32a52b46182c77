#include "core/syscalls/futex_shared_priority.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/process_state.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

constexpr i64 second = 1'000'000'000;
/// An owner that is killed wakes nobody: it is looked for.
constexpr i64 look_again = 50'000'000;  // nanoseconds

/// It has gone, and the kernel has written into the words of its robust locks.
bool has_ended(u32 owner) {
  const char state = process_state(static_cast<i32>(owner));
  return state == 0 || state == 'Z' || state == 'X';
}

/// The time until which the guest waits.
class Limit {
 public:
  /// 0, or -errno.
  i64 read(const Syscall& call) {
    const i32 operation = static_cast<i32>(call.arg(1)), command = operation & FUTEX_CMD_MASK;
    endless_ = call.arg(3) == 0 || command == FUTEX_TRYLOCK_PI;
    if (endless_) return 0;
    realtime_ = command == FUTEX_LOCK_PI || (operation & FUTEX_CLOCK_REALTIME) != 0;
    if (!call.get(end_, call.addr(3))) return -EFAULT;
    return end_.valid() ? 0 : -EINVAL;
  }
  /// Live: what is left of it, in nanoseconds; never more than `most`.
  i64 left(i64 most) const {
    if (endless_) return most;
    KernelTimespec now;
    raw_syscall(SYS_clock_gettime, realtime_ ? CLOCK_REALTIME : CLOCK_MONOTONIC, reinterpret_cast<u64>(&now));
    const i64 seconds = end_.seconds - now.seconds;
    if (seconds > most / second + 1) return most;
    return std::clamp(seconds * second + end_.nanoseconds - now.nanoseconds, i64{0}, most);
  }

 private:
  bool endless_ = true, realtime_ = false;
  KernelTimespec end_;
};

/// How a wait ends, or that it does not yet.
struct Outcome {
  i64 result = 0;
  u64 ended = 0;
};

/// Live, with the turn: the word is taken if nobody has it, or if its owner has ended and it was waited for.
Outcome look(Syscall& call, bool has_waited, u32 own) {
  u32 word = 0;
  if (!call.get(word, call.addr(0))) return {.result = -EFAULT, .ended = 1};
  const u32 owner = owner_of(word);
  const bool orphaned = owner != 0 && has_ended(owner);
  if (orphaned) call.get(word, call.addr(0));
  const bool free = owner_of(word) == 0;
  if (!free && orphaned && !has_waited) return {.result = -ESRCH, .ended = 1};
  if (free || orphaned) {
    const u32 died = orphaned ? u32{FUTEX_OWNER_DIED} : word & FUTEX_OWNER_DIED;
    return {.result = call.put(call.addr(0), own | FUTEX_WAITERS | died) ? 0 : -EFAULT, .ended = 1};
  }
  return {};
}

/// Live, with the turn, behind a wait with this result.
Outcome look_again_behind(Syscall& call, const PriorityWaiters::Place* place, i64 waited, const Limit& limit, u32 own) {
  if (place != nullptr && place->state == PriorityWaiters::owner) return {.ended = 1};  // whoever unlocked has said so
  if (const auto found = look(call, true, own); found.ended != 0) return found;
  // A signal does not end such a wait: it begins anew.
  if (waited == -EINTR || waited == restart_call) return {.result = restart_call, .ended = 1};
  return limit.left(1) == 0 ? Outcome{.result = -ETIMEDOUT, .ended = 1} : Outcome{};
}

i64 wait_for_lock(Syscall& call, const SharedWord& lock, const Limit& limit, u32 own) {
  auto& tree = guest_engine(call).tree();
  PriorityWaiters::Place* place = nullptr;
  if (!call.replaying()) place = tree.priority_waiters().add(lock, static_cast<i32>(own));
  Outcome outcome;
  while (outcome.ended == 0) {
    KernelTimespec longest;
    u64 word = 0;
    if (!call.replaying()) {
      longest.nanoseconds = limit.left(look_again);
      word = reinterpret_cast<u64>(&tree.priority_waiters().futex_of(place));
    }
    const i64 waited = call.execute(SYS_futex, word, FUTEX_WAIT, PriorityWaiters::value_while_waiting(place),
                                    reinterpret_cast<u64>(&longest), 0, 0);
    if (!call.replaying()) outcome = look_again_behind(call, place, waited, limit, own);
    call.value(&outcome, sizeof outcome);
  }
  if (!call.replaying()) PriorityWaiters::remove(place);
  return outcome.result;
}

}  // namespace

std::optional<SharedWord> shared_word(const Syscall& call, GuestAddr at) {
  if (call.mode() == Mode::run || at.value % sizeof(u32) != 0) return std::nullopt;
  const auto* m = call.engine().memory().table().find(at);
  return m != nullptr ? shared_word(*m, at) : std::nullopt;
}

i64 lock_shared(Syscall& call, const SharedWord& lock) {
  auto& engine = guest_engine(call);
  engine.take_shared_turn();
  const u32 own = static_cast<u32>(engine.process().thread);
  Limit limit;
  if (const i64 r = limit.read(call); r < 0) return r;
  u32 word = 0;
  if (!call.get(word, call.addr(0))) return -EFAULT;
  const u32 owner = owner_of(word);
  if (owner == own) return -EDEADLK;
  if (owner == 0) {
    return call.put(call.addr(0), own | (word & (FUTEX_OWNER_DIED | FUTEX_WAITERS))) ? 0 : -EFAULT;
  }
  if (!call.put(call.addr(0), word | FUTEX_WAITERS)) return -EFAULT;
  Outcome outcome;
  if (!call.replaying()) outcome = look(call, false, own);
  call.value(&outcome, sizeof outcome);
  const bool only_try = (static_cast<i32>(call.arg(1)) & FUTEX_CMD_MASK) == FUTEX_TRYLOCK_PI;
  if (outcome.ended == 0) outcome.result = only_try ? -EAGAIN : wait_for_lock(call, lock, limit, own);
  call.output(call.addr(0), sizeof word);
  return outcome.result;
}

std::optional<i64> unlock_shared(Syscall& call, const SharedWord& lock) {
  auto& engine = guest_engine(call);
  engine.take_shared_turn();
  u32 word = 0;
  if (!call.get(word, call.addr(0))) return -EFAULT;
  if (owner_of(word) != static_cast<u32>(engine.process().thread)) return -EPERM;
  u32 next = 0;
  if (!call.replaying()) next = static_cast<u32>(engine.tree().priority_waiters().take_owner(lock));
  call.value(&next, sizeof next);
  if (next == 0) return std::nullopt;
  return call.put(call.addr(0), FUTEX_WAITERS | next) ? 0 : -EFAULT;
}

}  // namespace fred
