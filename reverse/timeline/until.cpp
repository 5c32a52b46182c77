// Timeline::until: to a place in the code, no further than out of the frame.
#include <algorithm>
#include <ranges>

#include "reverse/timeline/back_stepper.h"
#include "reverse/timeline/timeline.h"

namespace fred {
namespace {

/// The place counts only in the frame where the command was given and in its caller.
bool in_frames(Symbols& symbols, const std::vector<Frame>& frames, const Time& time) {
  const Result<std::vector<Frame>> there = symbols.frames_at(time, 1);
  return there && !there->empty() && std::ranges::find(frames, there->front().cfa, &Frame::cfa) != frames.end();
}

Conditions joined(const Conditions& one, const Conditions& other) {
  Conditions all = one;
  all.insert(all.end(), other.begin(), other.end());
  return all;
}
}  // namespace

Result<Stop> Timeline::until_forward(const std::vector<Frame>& frames, const Conditions& own,
                                     const Conditions& conditions, bool any_frame) {
  Conditions all = joined(own, conditions);
  if (frames.size() >= 2) {
    all.push_back({OwnConditions::first_guard, BreakCondition{frames[1].pc, frames[0].cfa}, own.front().thread});
  }
  for (;;) {
    if (stop_.stop_requested()) return interrupted();
    const Result<RunStop> run = execution_.run_forward(never, all);
    if (!run) return std::unexpected(run.error());
    Result<Stop> stop = stop_of(*run);
    if (!stop || stop->end != TravelEnd::hit || !stop->hits.empty()) return stop;
    const bool left = std::ranges::any_of(run->hits, OwnConditions::is_guard, &Hit::id);
    if (left || any_frame || in_frames(symbols_, frames, stop->time)) return Stop{TravelEnd::arrived, stop->time, {}};
  }
}

Result<Stop> Timeline::until_backward(const std::vector<Frame>& frames, const Conditions& own,
                                      const Conditions& conditions, bool any_frame) {
  const Time start = position();
  std::optional<Time> lowest;
  if (frames.size() >= 2) {
    Code code(symbols_);
    const Result<TracePoint> from = execution_.point_at(start);
    if (!from) return std::unexpected(from.error());
    const Arrives entered = BackStepper(execution_, code, search_, {}, tuning_, stop_).entry(*from, frames, 0);
    if (!entered) return std::unexpected(entered.error());
    lowest = *entered;
  }
  const Conditions all = joined(own, conditions);
  const Time begin = lowest.value_or(execution_.begin());
  for (Time at = start;;) {
    const Result<std::vector<Hit>> hits = search_.last(begin, at, all, false, stop_);
    if (!hits) return std::unexpected(hits.error());
    if (hits->empty()) return land_backwards(start, lowest, {});
    at = hits->front().at;
    std::vector<Hit> users = OwnConditions::users(*hits);
    if (users.empty() && !any_frame && !in_frames(symbols_, frames, at)) continue;
    const Result<> gone = execution_.go_to(at);
    if (!gone) return std::unexpected(gone.error());
    return Stop{users.empty() ? TravelEnd::arrived : TravelEnd::hit, at, std::move(users)};
  }
}

}  // namespace fred
