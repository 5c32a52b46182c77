// The free ranges between mappings, found by size: a place for a mapping is looked up at every mmap, in tables
// with tens of thousands of entries too.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <set>

#include "core/base/types.h"

namespace fred {

class HoleIndex {
 public:
  enum class Order : u8 { top_down, bottom_up };
  void add(GuestRange hole);
  /// Removes all holes that begin in [from, to).
  void remove_between(GuestAddr from, GuestAddr to);
  void clear();
  /// The first place of `size` bytes within `bounds`, from the top or from the bottom. `align` is a power of two.
  std::optional<GuestAddr> find(u64 size, GuestRange bounds, Order order, u64 align) const;

 private:
  static constexpr int classes = 64;
  static int class_of(u64 size);
  std::map<GuestAddr, GuestAddr> holes_;               // begin → end
  std::array<std::set<GuestAddr>, classes> by_class_;  // begins of holes of 2^class bytes and more, below 2^(class+1)
};

}  // namespace fred
