#include "reverse/search/expression_search.h"

#include <algorithm>
#include <chrono>

#include "reverse/timeline/stop.h"

namespace fred {
namespace {
constexpr std::size_t gallop_factor = 4;
constexpr int most_looks = 64;  // at places of the frame where the value is hidden too
constexpr u64 first_trace = 256, longest_trace = 1 << 20;
}  // namespace

Result<FoundChange> ExpressionSearch::find(const Time& from, const std::optional<Time>& lowest, std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  stop_ = std::move(stop);
  places_.reset();
  change_ = {};
  change_.before = lowest.value_or(execution_.begin());
  change_.after = from;
  const Result<ProbeValue> now = probe_.at(from);
  if (!now) return std::unexpected(now.error());
  change_.now = *now;
  change_.probes = 1;
  const Result<bool> ends = gallop(lowest.has_value());
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

/// Probes and, if the value is not hidden, moves the end that the answer belongs to.
Result<ExpressionSearch::Seen> ExpressionSearch::look(const Time& time) {
  if (stop_.stop_requested()) return interrupted();
  Result<ProbeValue> value = probe_.at(time);
  if (!value) return std::unexpected(std::move(value.error()));
  ++change_.probes;
  Seen seen = Seen::hidden;
  if (!value->hidden) {
    seen = *value == change_.now ? Seen::same : Seen::other;
    (seen == Seen::other ? change_.before : change_.after) = time;
  }
  if (seen == Seen::other) {
    change_.old_value = std::move(*value);
    change_.begins = false;
  }
  if (show_) show_({change_.probes, change_.before, change_.after});
  return seen;
}

/// Back from snapshot to snapshot, further each time, until the value differs: most of what is looked for is not long
/// ago. False: it is the same at the start of history. With `begins` the lower end needs no probe: what has the value
/// begins there.
Result<bool> ExpressionSearch::gallop(bool begins) {
  const Time bottom = change_.before;
  std::vector<Time> places = execution_.snapshots();
  std::erase_if(places, [&](const Time& t) { return t >= change_.after || t <= bottom; });
  for (std::size_t back = 1; back <= places.size(); back *= gallop_factor) {
    const Result<Seen> seen = look(places[places.size() - back]);
    if (!seen) return std::unexpected(seen.error());
    if (*seen == Seen::other) return true;
  }
  if (change_.after <= bottom) return false;
  if (!begins) {
    const Result<Seen> seen = look(bottom);
    if (!seen) return std::unexpected(seen.error());
    if (*seen != Seen::hidden) return *seen == Seen::other;
  }
  change_.old_value = {.identity = std::nullopt, .shown = "<no value>"};
  change_.begins = true;
  return true;
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
    Result<Seen> seen = look(*time);
    if (seen && *seen == Seen::hidden) {
      seen = last_seen_before(*time);
      if (seen && *seen != Seen::same) seen = first_seen_after(*time);
      if (!seen) return std::unexpected(seen.error());
      if (change_.before < *time && *time < change_.after) return {};  // nothing is seen between them
      low = std::max(low, change_.before.ticks);
      high = std::min(high, change_.after.ticks);
      continue;
    }
    if (!seen) return std::unexpected(seen.error());
    if (*seen == Seen::other) {
      low = time->ticks;
    } else {
      high = middle;
    }
  }
  return {};
}

Result<> ExpressionSearch::find_places() {
  if (places_) return {};
  Result<std::vector<Condition>> places = probe_.places();
  if (!places) return std::unexpected(std::move(places.error()));
  places_ = std::move(*places);
  return {};
}

/// Looks where the frame's code was executed last before `time`. Hidden: in no such place.
Result<ExpressionSearch::Seen> ExpressionSearch::last_seen_before(Time time) {
  if (auto found = find_places(); !found) return std::unexpected(found.error());
  for (int n = 0; n < most_looks; ++n) {
    const Result<std::vector<Hit>> hits = hits_.last(change_.before, time, *places_, true, stop_);
    if (!hits) return std::unexpected(hits.error());
    if (hits->empty() || hits->front().at <= change_.before) break;
    time = hits->front().at;
    const Result<Seen> seen = look(time);
    if (!seen || *seen != Seen::hidden) return seen;
  }
  return Seen::hidden;
}

/// Looks where the frame's code was executed first behind `time`.
Result<ExpressionSearch::Seen> ExpressionSearch::first_seen_after(Time time) {
  if (places_->empty()) return Seen::hidden;
  for (int n = 0; n < most_looks; ++n) {
    if (auto there = execution_.go_to(time); !there) return std::unexpected(there.error());
    const Result<RunStop> stop = execution_.run_forward(change_.after, *places_);
    if (!stop) return std::unexpected(stop.error());
    if (stop->end == RunEnd::interrupted) return interrupted();
    if (stop->end != RunEnd::hit || stop->time >= change_.after) break;
    time = stop->time;
    const Result<Seen> seen = look(time);
    if (!seen || *seen != Seen::hidden) return seen;
  }
  return Seen::hidden;
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
  // The ends, as numbers of points: `before` is the one at `low`.
  i64 low = -1, high = std::ssize(between);
  const auto look_at = [&](i64 n) -> Result<Seen> {
    const Result<Seen> seen = look(between[static_cast<std::size_t>(n)].time);
    if (seen && *seen == Seen::other) low = n;
    if (seen && *seen == Seen::same) high = n;
    return seen;
  };
  while (low + 1 < high) {
    const i64 middle = low + (high - low) / 2;
    Result<Seen> seen = look_at(middle);
    if (!seen) return std::unexpected(seen.error());
    if (*seen != Seen::hidden) continue;
    // Hidden values follow each other: a call. The ends come to where it begins and ends.
    for (i64 first = middle; low + 1 < first && high > middle;) {
      const i64 n = low + (first - low) / 2;
      seen = look_at(n);
      if (!seen) return std::unexpected(seen.error());
      if (*seen == Seen::hidden) first = n;
    }
    for (i64 last = middle; last + 1 < high && high > middle && low < middle;) {
      const i64 n = last + (high - last) / 2;
      seen = look_at(n);
      if (!seen) return std::unexpected(seen.error());
      if (*seen == Seen::hidden) last = n;
    }
    if (low < middle && middle < high) break;
  }
  const Result<std::vector<TracePoint>> last = execution_.trace_before(change_.after, 1);
  if (!last) return std::unexpected(last.error());
  change_.adjacent = last->empty() || last->front().time <= change_.before;
  return {};
}

}  // namespace fred
