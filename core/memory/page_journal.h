// Which pages of memory that only recorded processes have were written, for those that get the turn next
// (core/tree/shared_turn.h). It lies in memory that all of them map, and whoever has the turn reads and writes it.
#pragma once
#include <algorithm>
#include <atomic>

#include "core/base/types.h"

namespace fred {

/// A page of a shared object (MappedFile::ino of MAP_SHARED|MAP_ANONYMOUS).
struct ObjectPage {
  u64 object = 0;
  u64 page = 0;
};

class PageJournal {
 public:
  /// Entries; who lags behind by more has to look at everything.
  static constexpr u64 room = u64{1} << 15;
  static constexpr u64 most_compared = 64;
  /// Zeros at first.
  struct Area {
    std::atomic<u64> written;  // entries so far, from the first on
    std::atomic<u64> told, comparisons;
    std::atomic<u64> compared[most_compared];
    ObjectPage entries[room];
  };

  PageJournal() = default;
  explicit PageJournal(Area* area) : area_(area) {}

  bool exists() const { return area_ != nullptr; }
  u64 written() const { return area_->written; }
  void add(const ObjectPage& page) {
    const u64 at = area_->written.load(std::memory_order_relaxed);
    area_->entries[at % room] = page;
    area_->written.store(at + 1, std::memory_order_release);
  }
  /// An entry that is not older than the last `room`.
  const ObjectPage& at(u64 number) const { return area_->entries[number % room]; }

  /// From now on the object's writers are not all known: each process compares all of it whenever it gets the turn.
  void compare_whole(u64 object) {
    if (is_compared(object)) return;
    // Also without the turn: whoever looks meanwhile looks again when the number has changed.
    if (const u64 at = area_->told.fetch_add(1); at < most_compared) area_->compared[at] = object;
    ++area_->comparisons;
  }
  bool is_compared(u64 object) const {
    const u64 count = area_->told;
    return count > most_compared ||
           std::find(area_->compared, area_->compared + count, object) != area_->compared + count;
  }
  /// Changes with what is_compared() says.
  u64 comparisons() const { return area_->comparisons; }

 private:
  Area* area_ = nullptr;
};

}  // namespace fred
