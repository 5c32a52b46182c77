#include "reverse/session/snapshot_set.h"

#include <algorithm>

namespace fred {

namespace {
u64 distance(const Time& a, const Time& b) { return a.ticks > b.ticks ? a.ticks - b.ticks : b.ticks - a.ticks; }
}  // namespace

void SnapshotSet::add(Snapshot s) {
  const auto at = std::ranges::lower_bound(all_, s.time, {}, &Snapshot::time);
  if (at != all_.end() && at->time == s.time) return children_.end(std::move(s.peer));
  const Time time = s.time;
  const bool fine = s.fine;
  all_.insert(at, std::move(s));
  const auto count = static_cast<std::size_t>(std::ranges::count(all_, fine, &Snapshot::fine));
  if (fine && count > most_fine) thin_fine(time);
  if (!fine && count > most_of_live) thin_of_live();
}

Snapshot* SnapshotSet::latest_until(const Time& t) {
  const auto behind = std::ranges::upper_bound(all_, t, {}, &Snapshot::time);
  return behind == all_.begin() ? nullptr : &*std::prev(behind);
}

std::vector<Time> SnapshotSet::times() const {
  std::vector<Time> times;
  for (const auto& s : all_) times.push_back(s.time);
  return times;
}

void SnapshotSet::drop(const Time& t) {
  const auto at = std::ranges::find(all_, t, &Snapshot::time);
  if (at != all_.end()) remove(static_cast<std::size_t>(at - all_.begin()));
}

void SnapshotSet::clear() {
  for (auto& s : all_) children_.end(std::move(s.peer));
  all_.clear();
}

void SnapshotSet::thin_fine(const Time& around) {
  std::size_t farthest = 0;
  for (std::size_t i = 1; i < all_.size(); ++i) {
    const bool first_fine = !all_[farthest].fine;
    if (all_[i].fine && (first_fine || distance(all_[i].time, around) > distance(all_[farthest].time, around))) {
      farthest = i;
    }
  }
  if (farthest != 0) remove(farthest);
}

/// The gap that a snapshot's absence leaves counts by how long ago it is: dense near now, sparse long ago.
void SnapshotSet::thin_of_live() {
  std::vector<std::size_t> of_live;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i].fine) of_live.push_back(i);
  }
  const Time& last = all_[of_live.back()].time;
  std::size_t least = 0;
  double least_missed = 0;
  for (std::size_t k = 1; k + 1 < of_live.size(); ++k) {
    const Time& time = all_[of_live[k]].time;
    const double gap = static_cast<double>(distance(all_[of_live[k + 1]].time, all_[of_live[k - 1]].time));
    const double missed = gap / (1.0 + static_cast<double>(distance(last, time)));
    if (least == 0 || missed < least_missed) {
      least = of_live[k];
      least_missed = missed;
    }
  }
  if (least != 0) remove(least);
}

void SnapshotSet::remove(std::size_t i) {
  children_.end(std::move(all_[i].peer));
  all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(i));
}

}  // namespace fred
