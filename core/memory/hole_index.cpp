#include "core/memory/hole_index.h"

#include <algorithm>
#include <bit>

namespace fred {

namespace {

/// Where `size` bytes go in a hole cut to the bounds, if they fit.
std::optional<GuestAddr> fit(GuestRange hole, u64 size, GuestRange bounds, HoleIndex::Order order, u64 align) {
  hole = {std::max(hole.begin, bounds.begin), std::min(hole.end, bounds.end)};
  if (hole.empty() || hole.size() < size) return std::nullopt;
  const GuestAddr at = order == HoleIndex::Order::top_down ? GuestAddr{(hole.end.value - size) & ~(align - 1)}
                                                           : GuestAddr{(hole.begin.value + align - 1) & ~(align - 1)};
  if (at < hole.begin || at > hole.end || hole.end - at < size) return std::nullopt;
  return at;
}

}  // namespace

int HoleIndex::class_of(u64 size) { return std::bit_width(size) - 1; }

void HoleIndex::add(GuestRange hole) {
  if (hole.empty()) return;
  holes_.emplace(hole.begin, hole.end);
  by_class_[static_cast<std::size_t>(class_of(hole.size()))].insert(hole.begin);
}

void HoleIndex::remove_between(GuestAddr from, GuestAddr to) {
  auto it = holes_.lower_bound(from);
  while (it != holes_.end() && it->first < to) {
    by_class_[static_cast<std::size_t>(class_of(it->second - it->first))].erase(it->first);
    it = holes_.erase(it);
  }
}

void HoleIndex::clear() {
  holes_.clear();
  for (auto& begins : by_class_) begins.clear();
}

std::optional<GuestAddr> HoleIndex::find(u64 size, GuestRange bounds, Order order, u64 align) const {
  if (size == 0 || bounds.empty() || size > bounds.size()) return std::nullopt;
  const bool top_down = order == Order::top_down;
  std::optional<GuestAddr> best;
  const auto better = [&](GuestAddr at) { return !best || (top_down ? at > *best : at < *best); };
  // In each class of sizes the first hole that fits; in all but the smallest that is the first, or one that the
  // bounds or the alignment spoil.
  for (int c = class_of(size); c < classes; ++c) {
    const auto& begins = by_class_[static_cast<std::size_t>(c)];
    if (begins.empty()) continue;
    const auto look = [&](GuestAddr begin) -> bool {  // true: no need to look further in this class
      const auto at = fit({begin, holes_.find(begin)->second}, size, bounds, order, align);
      if (at && better(*at)) best = at;
      return at.has_value();
    };
    if (top_down) {
      for (auto it = begins.lower_bound(bounds.end); it != begins.begin();) {
        --it;
        const GuestAddr end = holes_.find(*it)->second;
        if (end <= bounds.begin || (best && end <= *best) || look(*it)) break;
      }
    } else {
      // The hole that the lower bound lies in begins before it.
      auto it = begins.lower_bound(bounds.begin);
      if (it != begins.begin()) --it;
      for (; it != begins.end() && *it < bounds.end && !(best && *it >= *best); ++it)
        if (look(*it)) break;
    }
  }
  return best;
}

}  // namespace fred
