// futex with priority inheritance, among recorded processes, on words of memory that they share. The kernel is asked
// only where nobody of them waits: its own waiters write the word at times that nobody could log.
#pragma once
#include <optional>

#include "core/syscalls/syscall.h"
#include "core/tree/priority_waiters.h"

namespace fred {

/// The word, if it is such a one: in memory that recorded processes share, and not foreign.
std::optional<SharedWord> shared_word(const Syscall& call, GuestAddr at);
/// FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI.
i64 lock_shared(Syscall& call, const SharedWord& lock);
/// FUTEX_UNLOCK_PI. Nothing: nobody of the recorded processes waits, and the kernel is to be asked.
std::optional<i64> unlock_shared(Syscall& call, const SharedWord& lock);

}  // namespace fred
