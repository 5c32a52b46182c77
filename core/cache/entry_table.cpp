#include "core/cache/entry_table.h"

#include <utility>

#include "core/base/check.h"

namespace fred {

namespace {
constexpr u64 first_slots = 1 << 13;
}

void EntryTable::clear() {
  slots_ = {};  // new pages instead of zeros in the old ones, which may be many
  slots_.resize(first_slots);
  entries_.clear();
  removed_.clear();
}

Entry& EntryTable::add(GuestAddr pc) {
  if ((entries_.size() - removed_.size() + 1) * 2 > slots_.size()) grow();
  auto& slot = slot_of(pc);
  FRED_CHECK(slot.number == 0, "two entries for {:#x}", pc.value);
  u64 index = entries_.size();
  if (removed_.empty()) {
    entries_.push_back({});
  } else {
    index = removed_.back();
    removed_.pop_back();
  }
  slot = {.check = check_of(hash(pc)), .number = static_cast<u32>(index + 1)};
  entries_[index] = {.pc = pc};
  return entries_[index];
}

void EntryTable::remove(GuestAddr pc) {
  auto& slot = slot_of(pc);
  if (slot.number == 0) return;
  const u32 index = std::exchange(slot, {}).number - 1;
  // Close the gap: later members of the run move up.
  const u64 mask = slots_.size() - 1;
  for (u64 k = (static_cast<u64>(&slot - slots_.data()) + 1) & mask; slots_[k].number != 0; k = (k + 1) & mask) {
    const auto moved = std::exchange(slots_[k], {});
    slot_of(entries_[moved.number - 1].pc) = moved;
  }
  entries_[index] = {};
  removed_.push_back(index);
}

void EntryTable::grow() {
  MappedVector<Slot> old;
  old.resize(slots_.size() * 2);
  std::swap(old, slots_);
  for (u64 index = 0; index < entries_.size(); ++index) {
    const auto pc = entries_[index].pc;
    if (pc.value != 0) slot_of(pc) = {.check = check_of(hash(pc)), .number = static_cast<u32>(index + 1)};
  }
}

}  // namespace fred
