#include "reverse/search/last_change.h"

namespace fred {
namespace {
Conditions watch(GuestRange range) { return {{ConditionId{1}, WatchCondition{range}, std::nullopt}}; }
}  // namespace

Result<std::optional<MemoryChange>> last_change(Timeline& timeline, GuestRange range, const Time& from,
                                                const std::stop_token& stop) {
  Result<std::vector<Hit>> hits = timeline.search().last(timeline.begin(), from, watch(range), true, stop);
  if (!hits) return std::unexpected(std::move(hits.error()));
  if (hits->empty()) return std::nullopt;
  Hit& hit = hits->front();
  return MemoryChange{hit.at, hit.after, std::move(hit.before), std::move(hit.now), hit.thread};
}

Result<u64> count_changes(Timeline& timeline, GuestRange range, const Time& from, const Time& to,
                          const std::stop_token& stop) {
  const Result<std::vector<u64>> counts = timeline.search().count(from, to, watch(range), stop);
  if (!counts) return std::unexpected(counts.error());
  return counts->front();
}

Result<Stop> land_before_change(Timeline& timeline, const Time& before, const Time& after) {
  const Result<Stop> there = timeline.go_to(after);
  if (!there) return there;
  const Result<Stop> landed = timeline.next(Direction::backward, 1, {});
  if (landed && (landed->end == TravelEnd::arrived || landed->end == TravelEnd::interrupted)) return landed;
  return timeline.go_to(before);
}

}  // namespace fred
