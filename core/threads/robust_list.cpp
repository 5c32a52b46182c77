// What the kernel does with the robust mutexes of a thread or process that ends, done here: at a Time, with the turn.
#include <linux/futex.h>
#include <sys/syscall.h>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_word.h"
#include "core/threads/threads.h"

namespace fred {

void Threads::end_process() {
  end_robust_list();
  forget_robust_list();
}

void Threads::forget_robust_list() {
  if (engine_.process().robust_list.value != 0 && g_turn.live) raw_syscall(SYS_set_robust_list, 0, robust_list_size);
  engine_.process().robust_list = {};
}

namespace {

/// Calls `look` with the entry and the address of each word in the list of a thread.
template <class Function>
void for_each_entry(GuestAddr list, Function&& look) {
  struct Head {
    u64 first;
    i64 offset;
    u64 pending;
  } head;
  if (list.value == 0 || !guest_read(&head, list, sizeof head)) return;
  const auto look_at = [&](u64 entry) { look(entry, GuestAddr{(entry & ~u64{1}) + static_cast<u64>(head.offset)}); };
  u64 entry = head.first;
  for (int limit = 2048; limit > 0 && (entry & ~u64{1}) != list.value; --limit) {  // ROBUST_LIST_LIMIT
    u64 next;
    if (!guest_read(&next, GuestAddr{entry & ~u64{1}}, sizeof next)) break;
    if (entry != head.pending) look_at(entry);
    entry = next;
  }
  if (head.pending != 0) look_at(head.pending);
}

}  // namespace

void Threads::for_each_robust_word(const std::function<void(GuestAddr)>& look) const {
  const auto look_at = [&](u64, GuestAddr word) { look(word); };
  for_each_entry(engine_.process().robust_list, look_at);
  for (const auto& thread : threads_)
    if (thread.get() != running_) for_each_entry(thread->robust_list, look_at);
}

/// As the kernel does for a thread that ends with robust mutexes held (kernel/futex: exit_robust_list).
void Threads::end_robust_list() {
  for_each_entry(engine_.process().robust_list, [&](u64 entry, GuestAddr at) {
    const bool inherits_priority = (entry & 1) != 0;  // who waits for those is not woken, but becomes the owner
    u32 word;
    if (!guest_read(&word, at, sizeof word)) return;
    if ((word & FUTEX_TID_MASK) != static_cast<u32>(engine_.process().thread)) return;
    const auto dead = [](u32 owned) { return (owned & FUTEX_WAITERS) | FUTEX_OWNER_DIED; };
    if (u8* alias = engine_.memory().foreign().alias(at); alias != nullptr) {
      // The guest's copy gets what a worker's gets, and this process reads it no more.
      const u32 seen = dead(word);
      guest_write(at, &seen, sizeof seen);
      for (bool done = false; !done;) {
        copy_words(&word, alias, sizeof word);
        const u32 left = dead(word);
        done = exchange_word(alias, &word, &left, sizeof left) != Exchange::differs;
      }
    } else {
      const u32 left = dead(word);
      guest_store(at, &left, sizeof left);
    }
    if (!g_turn.live || (word & FUTEX_WAITERS) == 0) return;
    if (!inherits_priority) return wake_anywhere(at);
    const auto* m = engine_.memory().table().find(at);
    if (engine_.mode() == Mode::record && m != nullptr) {
      if (const auto shared = shared_word(*m, at)) engine_.tree().priority_waiters().wake(*shared);
    }
  });
}

}  // namespace fred
