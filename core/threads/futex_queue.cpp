#include "core/threads/futex_queue.h"

#include <algorithm>

namespace fred {

namespace {
/// Decides how the wait ends; false: it has ended by itself.
bool ends(GuestThread& thread, FutexWait how) {
  auto expected = FutexWait::waiting;
  return thread.futex_wait.compare_exchange_strong(expected, how);
}
bool plain(const FutexPlace& place) { return !place.owns_next && place.then_lock == 0; }
}  // namespace

void FutexQueue::add(GuestThread& thread, const FutexPlace& place) {
  thread.futex = place;
  thread.futex_wait = FutexWait::waiting;
  waiting_.push_back(&thread);
}

void FutexQueue::remove(GuestThread& thread) {
  thread.futex_wait = FutexWait::none;
  std::erase(waiting_, &thread);
}

void FutexQueue::wake(u64 address, u32 most, u32 bits, std::vector<GuestThread*>& woken) {
  std::erase_if(waiting_, [&](GuestThread* t) {
    if (most == 0 || t->futex.address != address || (t->futex.bits & bits) == 0 || !plain(t->futex)) return false;
    if (!ends(*t, FutexWait::woken)) return false;
    --most;
    woken.push_back(t);
    return true;
  });
}

u32 FutexQueue::move(u64 from, u64 to, u32 most) {
  u32 moved = 0;
  for (auto* t : waiting_) {
    if (moved == most) break;
    if (t->futex.address != from || !plain(t->futex) || t->futex_wait.load() != FutexWait::waiting) continue;
    t->futex.address = to;
    ++moved;
  }
  return moved;
}

void FutexQueue::send_back(const std::function<bool(const FutexPlace&)>& which, std::vector<GuestThread*>& woken) {
  std::erase_if(waiting_, [&](GuestThread* t) {
    if (!which(t->futex) || !ends(*t, FutexWait::again)) return false;
    woken.push_back(t);
    return true;
  });
}

GuestThread* FutexQueue::take_owner(u64 lock) {
  for (auto* t : waiting_) {
    if (t->futex.owns_next && t->futex.address == lock && take(*t)) return t;
  }
  return nullptr;
}

std::vector<u64> FutexQueue::awaited_locks() const {
  std::vector<u64> locks;
  for (const auto* t : waiting_) {
    if (t->futex.owns_next && std::find(locks.begin(), locks.end(), t->futex.address) == locks.end()) {
      locks.push_back(t->futex.address);
    }
  }
  return locks;
}

GuestThread* FutexQueue::first_to_move(u64 from) const {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const GuestThread* t) {
    return t->futex.address == from && t->futex.then_lock != 0 && t->futex_wait.load() == FutexWait::waiting;
  });
  return found != waiting_.end() ? *found : nullptr;
}

bool FutexQueue::take(GuestThread& thread) {
  if (!ends(thread, FutexWait::woken)) return false;
  std::erase(waiting_, &thread);
  return true;
}

void FutexQueue::move_on(GuestThread& thread) {
  thread.futex.address = thread.futex.then_lock;
  thread.futex.then_lock = 0;
  thread.futex.owns_next = true;
  std::erase(waiting_, &thread);  // the last of those that wait there
  waiting_.push_back(&thread);
}

}  // namespace fred
