// The entries of the code cache by guest address.
#pragma once
#include <span>
#include <vector>

#include "core/base/mapped_vector.h"
#include "core/base/types.h"

namespace fred {

enum class BlockId : u32 {};
inline constexpr u32 no_link = ~u32{0};

struct Entry {
  GuestAddr pc = {};        // 0: there is none
  CacheAddr body = {};      // registers and flags are the guest's here
  CacheAddr indirect = {};  // for indirect transfers: verifies, counts, falls into the body; or 0
  BlockId block = {};
  u32 incoming = no_link;  // exits linked to the body
};

/// Open addressing over short slots: most questions are about addresses with no entry, and are answered without
/// touching one.
class EntryTable {
 public:
  EntryTable() { clear(); }

  /// General registers only, no call (core/dispatch/light_lookup.cpp). Until the next add().
  [[gnu::always_inline]] Entry* find(GuestAddr pc);
  /// An entry for `pc`, which has none.
  Entry& add(GuestAddr pc);
  void remove(GuestAddr pc);
  void clear();
  /// Those that have been removed have pc 0 and no incoming exits.
  std::span<Entry> all() { return {entries_.data(), entries_.size()}; }

 private:
  struct Slot {
    u32 check = 0;   // of the hash, what is not in the slot's place
    u32 number = 0;  // 1 + the entry's index; 0: free
  };
  static u64 hash(GuestAddr pc) { return pc.value * 0x9e3779b97f4a7c15; }
  static u32 check_of(u64 hash) { return static_cast<u32>(hash); }
  /// The slot of `pc`, or the free one where it would be.
  [[gnu::always_inline]] Slot& slot_of(GuestAddr pc);
  void grow();

  MappedVector<Slot> slots_;  // a power of two
  MappedVector<Entry> entries_;
  std::vector<u32> removed_;  // indices
};

inline EntryTable::Slot& EntryTable::slot_of(GuestAddr pc) {
  Slot* const slots = slots_.data();
  Entry* const entries = entries_.data();
  const u64 mask = slots_.size() - 1, h = hash(pc);
  for (u64 i = h >> 32 & mask;; i = (i + 1) & mask) {
    auto& s = slots[i];
    if (s.number == 0 || (s.check == check_of(h) && entries[s.number - 1].pc.value == pc.value)) return s;
  }
}

inline Entry* EntryTable::find(GuestAddr pc) {
  const auto& slot = slot_of(pc);
  return slot.number != 0 ? entries_.data() + (slot.number - 1) : nullptr;
}

}  // namespace fred
