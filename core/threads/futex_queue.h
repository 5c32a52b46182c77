// The engine's own queues of futexes: who of the recorded threads waits at which address. The kernel is not asked, so a
// wake-up costs no call and the order is known. Used in live only; a worker finds results in the log.
#pragma once
#include <vector>

#include "core/threads/guest_thread.h"

namespace fred {

class FutexQueue {
 public:
  void add(GuestThread& thread, u64 address, u32 bits);
  /// It waits no longer, however it ended.
  void remove(GuestThread& thread);

  /// Wakes at most `most` threads that wait at the address for any of these bits, the first first; those woken go to
  /// `woken`.
  void wake(u64 address, u32 most, u32 bits, std::vector<GuestThread*>& woken);
  /// At most `most` threads wait at the other address from now on. How many.
  u32 move(u64 from, u64 to, u32 most);

 private:
  std::vector<GuestThread*> waiting_;  // in the order in which they came
};

}  // namespace fred
