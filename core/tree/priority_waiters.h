// Who waits for locks with priority inheritance (futex LOCK_PI) in memory that recorded processes share. Natively the
// kernel keeps them, and writes the words of the locks when it likes; here each word changes only while the process
// that changes it has the turn (shared_turn.h), so that the others see it at a Time of theirs.
//
// The places lie in the page of the recorded processes (recorded_tree.h) and are used with the turn alone. Live only.
#pragma once
#include <atomic>
#include <optional>

#include "core/base/types.h"
#include "core/memory/address_map.h"

namespace fred {

/// A word of memory that processes share, wherever each has it mapped.
struct SharedWord {
  u64 dev = 0, ino = 0, offset = 0;
  bool operator==(const SharedWord&) const = default;
};
/// That at `at` of the mapping, if it is really shared with other processes and not foreign.
std::optional<SharedWord> shared_word(const Mapping& mapping, GuestAddr at);

class PriorityWaiters {
 public:
  enum State : u32 { free, waiting, owner };
  /// In memory that all processes share; zeros at first.
  struct Place {
    std::atomic<u32> state;  // a futex, on which the waiter sleeps
    u32 order;
    i32 tid;
    SharedWord lock;
  };
  static constexpr u32 most = 40;
  struct Table {
    std::atomic<u32> last_order;
    std::atomic<u32> nobody;  // a futex that nobody wakes
    Place places[most];
  };

  explicit PriorityWaiters(Table& table) : table_(table) {}

  /// The thread waits for the lock, behind the others. Null: there is no place; it looks again now and then.
  Place* add(const SharedWord& lock, i32 tid);
  /// It waits no longer.
  static void remove(Place* place) {
    if (place != nullptr) place->state = free;
  }
  /// On which it sleeps while it has this value.
  std::atomic<u32>& futex_of(Place* place) { return place != nullptr ? place->state : table_.nobody; }
  static u32 value_while_waiting(const Place* place) { return place != nullptr ? u32{waiting} : 0; }

  /// The first of those that wait becomes the owner, and is woken. Its id; 0: nobody waits.
  i32 take_owner(const SharedWord& lock);
  /// The first looks at the word again.
  void wake(const SharedWord& lock);

 private:
  Place* first(const SharedWord& lock);
  Table& table_;
};

}  // namespace fred
