#include "reverse/search/last_change.h"

#include <algorithm>

namespace fred {
namespace {
Conditions watch(GuestRange range) { return {{ConditionId{1}, WatchCondition{range}, std::nullopt}}; }

MemoryChange change_of(Hit hit) { return {hit.at, hit.after, std::move(hit.before), std::move(hit.now), hit.thread}; }
}  // namespace

Result<std::optional<MemoryChange>> last_change(Timeline& timeline, GuestRange range, const Time& lowest,
                                                const Time& from, const std::stop_token& stop) {
  Result<std::vector<Hit>> hits = timeline.search().last(lowest, from, watch(range), true, stop);
  if (!hits) return std::unexpected(std::move(hits.error()));
  if (hits->empty()) return std::nullopt;
  return change_of(std::move(hits->front()));
}

Result<std::optional<MemoryChange>> next_change(Execution& execution, GuestRange range, const Time& from,
                                                const Conditions& ends) {
  if (auto there = execution.go_to(from); !there) return std::unexpected(there.error());
  auto conditions = watch(range);
  conditions.insert(conditions.end(), ends.begin(), ends.end());
  auto stop = execution.run_forward(execution.tip(), conditions);
  if (!stop) return std::unexpected(stop.error());
  if (stop->end == RunEnd::interrupted) return interrupted();
  const auto change = std::ranges::find(stop->hits, conditions.front().id, &Hit::id);
  if (change == stop->hits.end()) return std::nullopt;
  return change_of(std::move(*change));
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
  if (landed && landed->end == TravelEnd::interrupted) return landed;
  if (landed && landed->end == TravelEnd::arrived && landed->time <= before) return landed;
  return timeline.go_to(before);
}

}  // namespace fred
