#include "ckpt/snapshot/policy.h"

#include <algorithm>
#include <limits>

namespace fred {
namespace {
/// An attempt that failed counts as one of such a cost, or of twice the last one's.
constexpr SnapshotPolicy::Duration least_cost_of_failure = std::chrono::milliseconds(1);
constexpr SnapshotPolicy::Duration most_cost_of_failure = std::chrono::milliseconds(300);
/// The first and the last are kept whatever happens.
constexpr std::size_t least_room = 2;

u64 distance(u64 one, u64 other) { return one < other ? other - one : one - other; }
}  // namespace

bool SnapshotPolicy::due(Duration run_time) const {
  if (!any_taken_) return true;
  const auto recovery = std::chrono::duration<double, std::nano>(last_cost_) / limits_.budget;
  const Duration wait = std::max(limits_.min_interval, std::chrono::ceil<Duration>(recovery));
  return run_time - last_taken_ >= wait;
}

void SnapshotPolicy::taken(SnapshotId id, const Time& at, Duration run_time, Duration fork_cost) {
  any_taken_ = true;
  last_taken_ = run_time;
  last_cost_ = fork_cost;
  cost_ += fork_cost;
  const auto behind = std::ranges::upper_bound(snapshots_, at, {}, &Snapshot::at);
  snapshots_.insert(behind, {id, at, 0, false});
}

void SnapshotPolicy::not_taken(Duration run_time) {
  last_taken_ = run_time;
  last_cost_ = std::clamp(2 * last_cost_, least_cost_of_failure, most_cost_of_failure);
}

void SnapshotPolicy::no_room() { room_ = std::max(snapshots_.size() * 3 / 4, least_room); }

void SnapshotPolicy::copying_cost(Duration more) {
  last_cost_ += more;
  cost_ += more;
}

void SnapshotPolicy::taken_by_worker(SnapshotId id, const Time& at) {
  const auto behind = std::ranges::upper_bound(snapshots_, at, {}, &Snapshot::at);
  snapshots_.insert(behind, {id, at, 0, true});
}

void SnapshotPolicy::set_memory(SnapshotId id, u64 bytes) {
  const auto found = std::ranges::find(snapshots_, id, &Snapshot::id);
  if (found != snapshots_.end()) found->memory = bytes;
}

void SnapshotPolicy::remove(SnapshotId id) {
  std::erase_if(snapshots_, [id](const Snapshot& s) { return s.id == id; });
}

u64 SnapshotPolicy::memory() const {
  u64 sum = 0;
  for (const Snapshot& s : snapshots_) sum += s.memory;
  return sum;
}

std::optional<SnapshotId> SnapshotPolicy::surplus(const Time& tip, const Time& position) const {
  const auto fine = static_cast<std::size_t>(std::ranges::count(snapshots_, true, &Snapshot::fine));
  const bool heavy = memory() > limits_.most_memory;
  const bool crowded = snapshots_.size() > room_;
  if (fine > limits_.most_fine || ((heavy || crowded) && fine > 0)) return farthest_fine(position);
  if (snapshots_.size() - fine > limits_.most || heavy || crowded) return thinnest(tip);
  return std::nullopt;
}

std::optional<SnapshotId> SnapshotPolicy::farthest_fine(const Time& position) const {
  const Snapshot* farthest = nullptr;
  for (const Snapshot& s : snapshots_) {
    if (!s.fine) continue;
    // What lies behind the position is of less use for going back than what lies before it.
    const auto rank = [&](const Snapshot& x) {
      const u64 far = distance(x.at.ticks, position.ticks);
      return x.at > position ? 2.0 * static_cast<double>(far) + 1 : static_cast<double>(far);
    };
    if (!farthest || rank(s) > rank(*farthest)) farthest = &s;
  }
  return farthest ? std::optional(farthest->id) : std::nullopt;
}

/// The snapshot of live without which the gap is smallest relative to how long ago it is. The first and the last stay.
std::optional<SnapshotId> SnapshotPolicy::thinnest(const Time& tip) const {
  std::vector<const Snapshot*> coarse;
  for (const Snapshot& s : snapshots_) {
    if (!s.fine) coarse.push_back(&s);
  }
  std::optional<SnapshotId> best;
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i + 1 < coarse.size(); ++i) {
    const double gap = static_cast<double>(coarse[i + 1]->at.ticks - coarse[i - 1]->at.ticks);
    const double age = static_cast<double>(tip.ticks - std::min(tip.ticks, coarse[i - 1]->at.ticks)) + 1;
    if (gap / age < smallest) {
      smallest = gap / age;
      best = coarse[i]->id;
    }
  }
  if (!best && coarse.size() == 2 && memory() > limits_.most_memory) best = coarse.back()->id;
  return best;
}

std::vector<u64> SnapshotPolicy::fine_places(u64 from, u64 position, u64 step) const {
  std::vector<u64> places;
  for (u64 far = position - std::min(from, position); far / 2 >= std::max<u64>(step, 1); far /= 2) {
    const u64 place = position - far / 2;
    // Near enough: closer to this place than the next one is to `position`.
    const bool there = std::ranges::any_of(snapshots_, [&](const Snapshot& s) {
      return s.at.ticks <= position && distance(s.at.ticks, place) <= far / 8;
    });
    if (!there) places.push_back(place);
  }
  // The nearest ones help most.
  if (places.size() > limits_.most_fine)
    places.erase(places.begin(), places.end() - static_cast<std::ptrdiff_t>(limits_.most_fine));
  return places;
}

}  // namespace fred
