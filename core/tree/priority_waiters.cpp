#include "core/tree/priority_waiters.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include "core/base/process_state.h"
#include "core/base/raw_syscall.h"
#include "core/memory/shared_shadow.h"

namespace fred {

namespace {
void wake_one(std::atomic<u32>& word) { raw_syscall(SYS_futex, reinterpret_cast<u64>(&word), FUTEX_WAKE, 1); }
}  // namespace

std::optional<SharedWord> shared_word(const Mapping& m, GuestAddr at) {
  if (!is_shared_memory(m)) return std::nullopt;
  return SharedWord{.dev = m.file->dev, .ino = m.file->ino, .offset = m.offset + (at - m.range.begin)};
}

PriorityWaiters::Place* PriorityWaiters::add(const SharedWord& lock, i32 tid) {
  for (const bool of_the_dead : {false, true}) {
    for (auto& place : table_.places) {
      if (place.state != free && !(of_the_dead && is_dead(place.tid))) continue;
      place.lock = lock;
      place.tid = tid;
      place.order = ++table_.last_order;
      place.state = waiting;
      return &place;
    }
  }
  return nullptr;
}

PriorityWaiters::Place* PriorityWaiters::first(const SharedWord& lock) {
  Place* found = nullptr;
  for (auto& place : table_.places) {
    if (place.state != waiting || place.lock != lock) continue;
    if (found == nullptr || static_cast<i32>(place.order - found->order) < 0) found = &place;
  }
  return found;
}

i32 PriorityWaiters::take_owner(const SharedWord& lock) {
  for (Place* place; (place = first(lock)) != nullptr; place->state = free) {
    if (is_dead(place->tid)) continue;  // killed while it waited
    place->state = owner;
    wake_one(place->state);
    return place->tid;
  }
  return 0;
}

void PriorityWaiters::wake(const SharedWord& lock) {
  if (Place* place = first(lock); place != nullptr) wake_one(place->state);
}

}  // namespace fred
