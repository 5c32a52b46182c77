#include "core/threads/futex_queue.h"

#include <algorithm>

namespace fred {

void FutexQueue::add(GuestThread& thread, u64 address, u32 bits) {
  thread.futex_address = address;
  thread.futex_bits = bits;
  thread.futex_wait = FutexWait::waiting;
  waiting_.push_back(&thread);
}

void FutexQueue::remove(GuestThread& thread) {
  thread.futex_wait = FutexWait::none;
  std::erase(waiting_, &thread);
}

void FutexQueue::wake(u64 address, u32 most, u32 bits, std::vector<GuestThread*>& woken) {
  std::erase_if(waiting_, [&](GuestThread* t) {
    if (most == 0 || t->futex_address != address || (t->futex_bits & bits) == 0) return false;
    auto expected = FutexWait::waiting;
    if (!t->futex_wait.compare_exchange_strong(expected, FutexWait::woken)) return false;  // its time was over first
    --most;
    woken.push_back(t);
    return true;
  });
}

u32 FutexQueue::move(u64 from, u64 to, u32 most) {
  u32 moved = 0;
  for (auto* t : waiting_) {
    if (moved == most) break;
    if (t->futex_address != from || t->futex_wait.load() != FutexWait::waiting) continue;
    t->futex_address = to;
    ++moved;
  }
  return moved;
}

}  // namespace fred
