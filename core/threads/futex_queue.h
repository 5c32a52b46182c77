// The engine's own queues of futexes: who of the recorded threads waits at which address. The kernel is not asked, so a
// wake-up costs no call and the order is known. Used in live only; a worker finds results in the log.
#pragma once
#include <functional>
#include <vector>

#include "core/threads/guest_thread.h"

namespace fred {

class FutexQueue {
 public:
  void add(GuestThread& thread, const FutexPlace& place);
  /// It waits no longer, however it ended.
  void remove(GuestThread& thread);

  /// Wakes at most `most` threads that wait at the address for any of these bits, the first first; those woken go to
  /// `woken`. Not those that wait for a lock with priority inheritance, or are to be moved on to one.
  void wake(u64 address, u32 most, u32 bits, std::vector<GuestThread*>& woken);
  /// At most `most` threads wait at the other address from now on. How many.
  u32 move(u64 from, u64 to, u32 most);
  /// Those for which it holds come out of the queue; their calls begin anew.
  void send_back(const std::function<bool(const FutexPlace&)>& which, std::vector<GuestThread*>& woken);

  // Locks with priority inheritance.
  /// The first that waits for the lock waits no longer: it is the owner. Null: there is none.
  GuestThread* take_owner(u64 lock);
  /// The locks that threads wait for, each once.
  std::vector<u64> awaited_locks() const;
  /// The first that is to be moved on from the address to a lock; null: there is none.
  GuestThread* first_to_move(u64 from) const;
  /// It waits no longer: it is the owner of the lock that it was to be moved on to. False: its time was over first.
  bool take(GuestThread& thread);
  /// It waits for that lock from now on.
  void move_on(GuestThread& thread);

 private:
  std::vector<GuestThread*> waiting_;  // in the order in which they came
};

}  // namespace fred
