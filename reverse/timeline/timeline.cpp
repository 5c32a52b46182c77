#include "reverse/timeline/timeline.h"

#include <algorithm>

#include <fmt/format.h>

#include "reverse/timeline/back_stepper.h"
#include "reverse/timeline/forward_stepper.h"

namespace fred {
namespace {
constexpr u64 whole_in_millionths = 1'000'000;
constexpr u64 most_at_once = 1 << 16;  // instructions that are traced together when many are stepped
constexpr std::string_view outermost = "not meaningful in the outermost frame";
}  // namespace

Result<Time> Timeline::resolve(const TimeText& text) {
  const Time begin = execution_.begin(), tip = execution_.tip();
  u64 ticks = begin.ticks;
  if (const Time* time = std::get_if<Time>(&text)) {
    if (*time < begin || tip < *time) {
      return fail(fmt::format("{} is outside of history, which is {} to {}", print_time(*time), print_time(begin),
                              print_time(tip)));
    }
    if (time->pc.value == 0) return fail(fmt::format("there is no Time {} in this history", print_time(*time)));
    return *time;
  }
  if (const HistoryEdge* edge = std::get_if<HistoryEdge>(&text)) return *edge == HistoryEdge::start ? begin : tip;
  if (const PartOfHistory* part = std::get_if<PartOfHistory>(&text)) {
    if (part->millionths == whole_in_millionths) return tip;
    const auto whole = static_cast<__int128>(tip.ticks - begin.ticks);
    ticks += static_cast<u64>(whole * part->millionths / whole_in_millionths);
  } else if (const TicksBack* back = std::get_if<TicksBack>(&text)) {
    const u64 now = position().ticks;
    if (back->ticks > now - begin.ticks) {
      return fail(fmt::format("history begins {} ticks back from here", now - begin.ticks));
    }
    ticks = now - back->ticks;
  } else {
    ticks = std::get<TicksFromStart>(text).ticks;
    if (ticks < begin.ticks || tip.ticks < ticks) {
      return fail(fmt::format("tick {} is outside of history, which is {} to {}", ticks, begin.ticks, tip.ticks));
    }
  }
  if (ticks == begin.ticks) return begin;
  return execution_.first_of_tick(ticks);
}

Result<Stop> Timeline::guarded(const std::function<Result<Stop>()>& command) {
  const Time start = position();
  Result<Stop> stop = command();
  if (stop) return stop;
  const Result<> back = execution_.go_to(start);
  if (!back) return std::unexpected(back.error());
  if (is_interrupted(stop.error())) return Stop{TravelEnd::interrupted, start, {}};
  return stop;
}

Result<Stop> Timeline::go_to(const Time& time) {
  const Result<> gone = execution_.go_to(time);
  if (!gone) return std::unexpected(gone.error());
  return Stop{TravelEnd::arrived, time, {}};
}

Result<Stop> Timeline::run_on(const Time& limit, const Conditions& conditions) {
  const Result<RunStop> run = execution_.run_forward(limit, conditions);
  if (!run) return std::unexpected(run.error());
  return stop_of(*run);
}

/// The end of a command backwards that would arrive at `target` (nothing: before the start of history).
Result<Stop> Timeline::land_backwards(const Time& from, const std::optional<Time>& target,
                                      const Conditions& conditions) {
  const Time lowest = target.value_or(execution_.begin());
  Result<std::vector<Hit>> hits = search_.last(lowest, from, conditions, true, stop_);
  if (!hits) return std::unexpected(std::move(hits.error()));
  const Time at = hits->empty() ? lowest : hits->front().at;
  const Result<> gone = execution_.go_to(at);
  if (!gone) return std::unexpected(gone.error());
  if (!hits->empty()) return Stop{TravelEnd::hit, at, std::move(*hits)};
  return Stop{target ? TravelEnd::arrived : TravelEnd::history_begin, at, {}};
}

Result<Stop> Timeline::resume(Direction direction, const Conditions& conditions) {
  return guarded([&]() -> Result<Stop> {
    if (direction == Direction::forward) return run_on(never, conditions);
    return land_backwards(position(), std::nullopt, conditions);
  });
}

/// `once` for each of `count` steps, until one does not arrive.
Result<Stop> Timeline::repeat(u64 count, const Step& once) {
  return guarded([&]() -> Result<Stop> {
    for (u64 left = std::max<u64>(count, 1);; --left) {
      const Result<TracePoint> from = execution_.point_at(position());
      if (!from) return std::unexpected(from.error());
      Result<Stop> stop = once(*from);
      if (!stop || stop->end != TravelEnd::arrived || left == 1) return stop;
    }
  });
}

Result<Stop> Timeline::step_instruction(Direction direction, u64 count, const Conditions& conditions) {
  const u64 steps = std::max<u64>(count, 1);
  return guarded([&] {
    return direction == Direction::backward ? step_instruction_back(steps, conditions)
                                            : step_instruction_on(steps, conditions);
  });
}

Result<Stop> Timeline::step_instruction_back(u64 count, const Conditions& conditions) {
  const Time start = position();
  Result<TracePoint> here = execution_.point_at(start);
  if (!here) return std::unexpected(here.error());
  while (count > 0) {
    const u64 steps = std::min(count, most_at_once);
    Walk walk(execution_, Direction::backward, {.first_trace = steps, .near = tuning_.near}, stop_, &search_);
    walk.restart(*here);
    const Result<const TracePoint*> there = walk.at(steps);
    if (!there) return std::unexpected(there.error());
    if (!*there) return land_backwards(start, std::nullopt, conditions);
    here = **there;
    count -= steps;
  }
  return land_backwards(start, here->time, conditions);
}

Result<Stop> Timeline::step_instruction_on(u64 count, const Conditions& conditions) {
  Result<TracePoint> here = execution_.point_at(position());
  if (!here) return std::unexpected(here.error());
  while (count > 0) {
    const u64 steps = std::min(count, most_at_once);
    Walk walk(execution_, Direction::forward, {.first_trace = steps, .near = tuning_.near}, stop_);
    walk.restart(*here);
    const Result<const TracePoint*> there = walk.at(steps);
    if (!there) return std::unexpected(there.error());
    const Time limit = *there ? (*there)->time : never;
    if (*there) here = **there;
    Result<Stop> stop = run_on(limit, conditions);
    if (!stop || stop->end != TravelEnd::arrived) return stop;
    count -= steps;
  }
  return Stop{TravelEnd::arrived, here->time, {}};
}

Result<Stop> Timeline::next_instruction(Direction direction, u64 count, const Conditions& conditions) {
  Code code(symbols_);
  return repeat(count, [&](const TracePoint& from) -> Result<Stop> {
    if (direction == Direction::forward) {
      return ForwardStepper(execution_, code, conditions, tuning_, stop_).instruction(from);
    }
    const Arrives there = BackStepper(execution_, code, search_, conditions, tuning_, stop_).instruction(from);
    if (!there) return std::unexpected(there.error());
    return land_backwards(from.time, *there, conditions);
  });
}

Result<Stop> Timeline::step_line(Direction direction, u64 count, bool into, const Conditions& conditions) {
  Code code(symbols_);
  return repeat(count, [&](const TracePoint& from) -> Result<Stop> {
    if (direction == Direction::forward) {
      return ForwardStepper(execution_, code, conditions, tuning_, stop_).line(from, into);
    }
    const Arrives there = BackStepper(execution_, code, search_, conditions, tuning_, stop_).line(from, into);
    if (!there) return std::unexpected(there.error());
    return land_backwards(from.time, *there, conditions);
  });
}

Result<Stop> Timeline::step(Direction direction, u64 count, const Conditions& conditions) {
  return step_line(direction, count, true, conditions);
}
Result<Stop> Timeline::next(Direction direction, u64 count, const Conditions& conditions) {
  return step_line(direction, count, false, conditions);
}

Result<Stop> Timeline::finish(Direction direction, u64 level, const Conditions& conditions) {
  Code code(symbols_);
  return repeat(1, [&](const TracePoint& from) -> Result<Stop> {
    const Result<std::vector<Frame>> frames = symbols_.frames_at(from.time, level + 3);
    if (!frames) return std::unexpected(frames.error());
    if (frames->size() < level + 2) return fail(fmt::format("\"finish\" {}", outermost));
    const Frame &callee = (*frames)[level], &caller = (*frames)[level + 1];
    if (direction == Direction::forward) {
      return ForwardStepper(execution_, code, conditions, tuning_, stop_).finish(from, callee.cfa, caller.pc);
    }
    const Arrives there =
        BackStepper(execution_, code, search_, conditions, tuning_, stop_).entry(from, *frames, level);
    if (!there) return std::unexpected(there.error());
    return land_backwards(from.time, *there, conditions);
  });
}

Result<Stop> Timeline::until(Direction direction, const std::vector<GuestAddr>& addresses, bool any_frame,
                             const Conditions& conditions) {
  if (addresses.empty()) return fail("no place to run to");
  return repeat(1, [&](const TracePoint& from) -> Result<Stop> {
    const std::vector<Frame> frames = symbols_.frames_at(from.time, 3).value_or(std::vector<Frame>{});
    OwnConditions own(from.thread);
    for (const GuestAddr pc : addresses) own.add(pc, std::nullopt);
    return direction == Direction::forward ? until_forward(frames, own.with({}), conditions, any_frame)
                                           : until_backward(frames, own.with({}), conditions, any_frame);
  });
}

}  // namespace fred
