#include "reverse/search/expression_search.h"

#include <algorithm>
#include <chrono>

#include "reverse/timeline/stop.h"

namespace fred {
namespace {
constexpr std::size_t gallop_factor = 4;
constexpr u64 first_trace = 256, longest_trace = 1 << 20;
}  // namespace

Result<FoundChange> ExpressionSearch::find(const Time& from, std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  stop_ = std::move(stop);
  change_ = {};
  change_.before = execution_.begin();
  change_.after = from;
  const Result<ProbeValue> now = probe_.at(from);
  if (!now) return std::unexpected(now.error());
  change_.now = *now;
  change_.probes = 1;
  const Result<bool> ends = gallop();
  if (!ends) return std::unexpected(ends.error());
  if (*ends) {
    const Result<> near = bisect_ticks();
    if (!near) return std::unexpected(near.error());
    const Result<> exact = bisect_instructions();
    if (!exact) return std::unexpected(exact.error());
  } else {
    change_.same_at_start = true;
  }
  change_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return change_;
}

/// Probes and moves the end that the answer belongs to.
Result<bool> ExpressionSearch::differs(const Time& time) {
  if (stop_.stop_requested()) return interrupted();
  Result<ProbeValue> value = probe_.at(time);
  if (!value) return std::unexpected(std::move(value.error()));
  ++change_.probes;
  const bool other = *value != change_.now;
  (other ? change_.before : change_.after) = time;
  if (other) change_.old_value = std::move(*value);
  if (show_) show_({change_.probes, change_.before, change_.after});
  return other;
}

/// Back from snapshot to snapshot, further each time, until the value differs: most of what is looked for is not long
/// ago. False: it is the same at the start of history.
Result<bool> ExpressionSearch::gallop() {
  std::vector<Time> places = execution_.snapshots();
  std::erase_if(places, [&](const Time& t) { return t >= change_.after || t <= execution_.begin(); });
  for (std::size_t back = 1; back <= places.size(); back *= gallop_factor) {
    const Result<bool> other = differs(places[places.size() - back]);
    if (!other || *other) return other;
  }
  if (change_.after <= execution_.begin()) return false;
  return differs(execution_.begin());
}

Result<> ExpressionSearch::bisect_ticks() {
  u64 low = change_.before.ticks, high = change_.after.ticks;
  while (low + 1 < high) {
    const u64 middle = low + (high - low) / 2;
    const Result<Time> time = execution_.first_of_tick(middle);
    if (!time) return std::unexpected(time.error());
    if (*time >= change_.after) {
      high = middle;  // from the middle on no instruction is left
      continue;
    }
    const Result<bool> other = differs(*time);
    if (!other) return std::unexpected(other.error());
    if (*other) {
      low = time->ticks;
    } else {
      high = middle;
    }
  }
  return {};
}

Result<> ExpressionSearch::bisect_instructions() {
  std::vector<TracePoint> between;
  for (u64 most = first_trace;; most *= 4) {
    Result<std::vector<TracePoint>> trace = execution_.trace_before(change_.after, most);
    if (!trace) return std::unexpected(std::move(trace.error()));
    const bool all = trace->size() < most || trace->front().time <= change_.before;
    between = std::move(*trace);
    if (all || most >= longest_trace) break;
  }
  std::erase_if(between, [&](const TracePoint& p) { return p.time <= change_.before; });
  while (!between.empty()) {
    const std::size_t middle = between.size() / 2;
    const Result<bool> other = differs(between[middle].time);
    if (!other) return std::unexpected(other.error());
    if (*other) {
      between.erase(between.begin(), between.begin() + static_cast<std::ptrdiff_t>(middle) + 1);
    } else {
      between.resize(middle);
    }
  }
  return {};
}

}  // namespace fred
