#include "reverse/session/snapshot_set.h"

#include <algorithm>
#include <cerrno>

namespace fred {

bool is_no_room(const Error& error) {
  return error.code == EAGAIN || error.code == ENOMEM || error.code == EMFILE || error.code == ENFILE;
}

const SnapshotSet::Snapshot* SnapshotSet::insert(const Time& time, Peer peer) {
  const auto at = std::ranges::lower_bound(all_, time, {}, &Snapshot::time);
  if (at != all_.end() && at->time == time) {
    children_.end(std::move(peer));
    return nullptr;
  }
  return &*all_.insert(at, {.id = SnapshotId{++last_id_}, .time = time, .peer = std::move(peer)});
}

void SnapshotSet::add(const Time& time, Peer peer, Duration run_time, Duration fork_cost) {
  const auto* added = insert(time, std::move(peer));
  if (added == nullptr) return;
  last_of_live_ = added->id;
  copying_ = {};
  policy_.taken(added->id, time, run_time, fork_cost);
  thin(time, time);
}

void SnapshotSet::add_fine(const Time& time, Peer peer, const Time& tip, const Time& position) {
  const auto* added = insert(time, std::move(peer));
  if (added == nullptr) return;
  policy_.taken_by_worker(added->id, time);
  thin(tip, position);
}

void SnapshotSet::note_copying(Duration cost, u64 bytes) {
  policy_.copying_cost(cost - copying_);
  copying_ = cost;
  policy_.set_memory(last_of_live_, bytes);
}

bool SnapshotSet::no_room(const Time& tip, const Time& position) {
  const auto before = all_.size();
  policy_.no_room();
  thin(std::max(tip, all_.back().time), position);
  return all_.size() < before;
}

SnapshotSet::Snapshot* SnapshotSet::latest_until(const Time& t) {
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
  if (at == all_.end()) return;
  policy_.remove(at->id);
  children_.end(std::move(at->peer));
  all_.erase(at);
}

void SnapshotSet::clear() {
  while (!all_.empty()) drop(all_.back().time);
}

void SnapshotSet::thin(const Time& tip, const Time& position) {
  while (const auto id = policy_.surplus(tip, position)) {
    const auto at = std::ranges::find(all_, *id, &Snapshot::id);
    if (at == all_.end()) return;
    drop(Time{at->time});
  }
}

}  // namespace fred
