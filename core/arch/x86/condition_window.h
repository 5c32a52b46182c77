// What translated code touches for the session's conditions: beside the state window, so below 2 GiB as well.
#pragma once
#include "core/arch/x86/state_window.h"

namespace fred {

/// Where translated code counts how often it came by, and when it did last: the parts of the clock (tick_counters.h) as
/// the state window had them.
struct NoteSlot {
  u64 count;
  u64 total, left[tick_counter_count];
  u64 last_ticks() const {
    u64 ticks = total;
    for (const u64 l : left) ticks -= l;
    return ticks;
  }
  void note(u64 ticks) {
    ++count;
    total = ticks;
    for (u64& l : left) l = 0;
  }
};

inline constexpr u64 granule_size = 256, granule_count = 1 << 16;
inline constexpr u64 foreign_granule_size = 1 << 16;
inline constexpr u64 note_slot_count = 30000;

struct ConditionWindow {
  /// For each granule of memory, by bits 8 to 23 of an address: 0 if no access that begins there can touch what is
  /// watched.
  u8 granules[granule_count];
  /// The same for foreign memory (core/memory/foreign_memory.h), by bits 16 to 31.
  u8 foreign[granule_count];
  NoteSlot notes[note_slot_count];
};

/// They lie in one mapping.
struct LowWindow {
  StateWindow state;
  ConditionWindow conditions;
};

}  // namespace fred
