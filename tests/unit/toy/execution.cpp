#include "tests/unit/toy/execution.h"

#include <algorithm>
#include <cerrno>

#include "reverse/timeline/stop.h"

namespace fred::toy {

ToyExecution::ToyExecution(const History& history, const std::vector<u64>& snapshots) : h_(history) {
  snapshots_.push_back(time(0));
  for (const u64 point : snapshots) snapshots_.push_back(time(point));
  std::ranges::sort(snapshots_);
  snapshots_.erase(std::ranges::unique(snapshots_).begin(), snapshots_.end());
}

Result<> ToyExecution::question() {
  if (fail_after == 0) return interrupted();
  --fail_after;
  return {};
}

Result<u64> ToyExecution::find(const Time& at) const {
  const std::optional<u64> point = h_.find(at);
  if (!point) return fail("the execution has no such Time");
  return *point;
}

Result<> ToyExecution::go_to(const Time& to) {
  const Result<u64> point = find(to);
  if (!point) return std::unexpected(point.error());
  position_ = *point;
  return {};
}

Result<Time> ToyExecution::first_of_tick(u64 ticks) {
  for (const Point& p : h_.points) {
    if (p.trace.time.ticks >= ticks) return p.trace.time;
  }
  return tip();
}

std::vector<u8> ToyExecution::bytes(u64 point, GuestAddr address, u64 size) const {
  std::vector<u8> all;
  for (u64 a = address.value; a < address.value + size; ++a) {
    all.push_back(static_cast<u8>(h_.word(point, a & ~u64{7}) >> (8 * (a & 7))));
  }
  return all;
}

std::vector<Hit> ToyExecution::hits(u64 point, const std::vector<Condition>& conditions) const {
  const Point& p = h_.points[point];
  const Time at = p.trace.time;
  std::vector<Hit> found;
  for (const Condition& c : conditions) {
    if (c.thread && *c.thread != p.trace.thread) continue;
    Hit hit{.id = c.id, .at = at, .after = at, .thread = p.trace.thread, .before = {}, .now = {}};
    if (const auto* b = std::get_if<BreakCondition>(&c.what)) {
      const bool holds =
          b->pc == at.pc && at.phase == 0 && (!b->stack_pointer || *b->stack_pointer == p.trace.stack_pointer);
      if (holds) found.push_back(hit);
    } else if (const auto* w = std::get_if<WatchCondition>(&c.what)) {
      if (point + 1 == h_.points.size()) continue;
      hit.before = bytes(point, w->range.begin, w->range.size());
      hit.now = bytes(point + 1, w->range.begin, w->range.size());
      hit.after = time(point + 1);
      if (hit.before != hit.now) found.push_back(hit);
    } else if (std::holds_alternative<TurnCondition>(c.what)) {
      const bool last = point + 1 == h_.points.size();
      if (!last && h_.points[point + 1].trace.thread != p.trace.thread) found.push_back(hit);
    } else if (std::holds_alternative<SyscallCondition>(c.what)) {
      if (p.instruction->op == Op::system_call) found.push_back(hit);
    }
  }
  return found;
}

Result<RunStop> ToyExecution::run_forward(const Time& limit, const std::vector<Condition>& conditions) {
  if (const Result<> asked = question(); !asked) return std::unexpected(asked.error());
  const auto stop_at = [&](RunEnd end, u64 point, std::vector<Hit> found) {
    position_ = point;
    return RunStop{end, time(point), std::move(found)};
  };
  const auto of_kind = [&](bool watches, std::vector<Hit> all) {
    std::erase_if(all, [&](const Hit& h) { return (h.after != h.at) != watches; });
    return all;
  };
  const u64 last = h_.points.size() - 1;
  for (u64 at = position_;;) {
    if (time(at) >= limit) return stop_at(RunEnd::limit, at, {});
    if (at == last) return stop_at(h_.ended ? RunEnd::guest_end : RunEnd::history_end, at, {});
    // A watch stops behind its instruction, together with a break there.
    std::vector<Hit> found = of_kind(true, hits(at, conditions));
    ++at;
    for (Hit& hit : of_kind(false, hits(at, conditions))) found.push_back(std::move(hit));
    if (!found.empty()) return stop_at(RunEnd::hit, at, std::move(found));
  }
}

Result<std::vector<Note>> ToyExecution::collect(const Time& from, const Time& to,
                                                const std::vector<Condition>& conditions) {
  if (const Result<> asked = question(); !asked) return std::unexpected(asked.error());
  std::vector<Note> notes;
  for (const Condition& c : conditions) notes.push_back({.id = c.id, .count = 0, .last = {}});
  for (u64 point = 0; point < h_.points.size(); ++point) {
    if (time(point) < from || time(point) >= to) continue;
    ++collected_points;
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      for (const Hit& hit : hits(point, {conditions[i]})) {
        ++notes[i].count;
        notes[i].last = hit;
      }
    }
  }
  return notes;
}

Result<std::vector<TracePoint>> ToyExecution::trace_before(const Time& to, u64 most) {
  if (const Result<> asked = question(); !asked) return std::unexpected(asked.error());
  const Result<u64> end = find(to);
  if (!end) return std::unexpected(end.error());
  std::vector<TracePoint> trace;
  for (u64 i = *end - std::min(*end, most); i < *end; ++i) trace.push_back(h_.points[i].trace);
  traced += trace.size();
  return trace;
}

Result<std::vector<TracePoint>> ToyExecution::trace_after(const Time& from, u64 most) {
  if (const Result<> asked = question(); !asked) return std::unexpected(asked.error());
  const Result<u64> begin = find(from);
  if (!begin) return std::unexpected(begin.error());
  std::vector<TracePoint> trace;
  for (u64 i = *begin + 1; i < h_.points.size() && trace.size() < most; ++i) trace.push_back(h_.points[i].trace);
  traced += trace.size();
  return trace;
}

Result<std::vector<u8>> ToyExecution::memory_at(const Time& at, GuestAddr address, u64 size) {
  const Result<u64> point = find(at);
  if (!point) return std::unexpected(point.error());
  return bytes(*point, address, size);
}

Result<TracePoint> ToyExecution::point_at(const Time& at) {
  const Result<u64> point = find(at);
  if (!point) return std::unexpected(point.error());
  return h_.points[*point].trace;
}

const std::pair<u64, u64>* ToySymbols::place(GuestAddr pc) const {
  const auto behind = h_.places.upper_bound(pc);
  if (behind == h_.places.begin()) return nullptr;
  const auto found = std::prev(behind);
  const auto [function, index] = found->second;
  return pc < found->first + h_.program.functions[function].code[index].size ? &found->second : nullptr;
}

std::optional<Line> ToySymbols::line_at(GuestAddr pc) {
  const std::pair<u64, u64>* at = place(pc);
  if (!at) return std::nullopt;
  const std::vector<Instruction>& code = h_.program.functions[at->first].code;
  const Instruction& i = code[at->second];
  if (i.line == 0) return std::nullopt;
  u64 first = at->second, last = at->second;
  while (first > 0 && code[first - 1].line == i.line) --first;
  while (last + 1 < code.size() && code[last + 1].line == i.line) ++last;
  return Line{.id = LineId{i.line},
              .range = {code[first].pc, code[last].pc + code[last].size},
              .starts_statement = i.statement && i.pc == pc,
              .inline_depth = i.inline_depth,
              .skipped_calls = i.skipped_calls};
}

std::optional<Function> ToySymbols::function_at(GuestAddr pc) {
  const std::pair<u64, u64>* at = place(pc);
  if (!at) return std::nullopt;
  const ToyFunction& f = h_.program.functions[at->first];
  return Function{f.entry, {f.entry, f.end}, f.code[f.body].pc, f.trampoline};
}

Result<std::vector<Frame>> ToySymbols::frames_at(const Time& time, u64 most) {
  const std::optional<u64> point = h_.find(time);
  if (!point) return fail("the execution has no such Time");
  if (!h_.points[*point].unwindable) return fail("not unwindable here");
  std::vector<Frame> frames;
  GuestAddr pc = time.pc;
  bool interrupted = false;
  for (u32 n = h_.points[*point].node; n != Node::none && frames.size() < most; n = h_.nodes[n].parent) {
    frames.push_back({pc, h_.nodes[n].cfa, interrupted});
    pc = h_.nodes[n].back;
    interrupted = h_.nodes[n].kind == Node::Kind::trampoline;
  }
  return frames;
}

std::vector<GuestAddr> ToySymbols::nonlocal_jumps() {
  return {h_.program.functions[h_.program.long_jump].entry, h_.program.functions[h_.program.unwinder].entry};
}

}  // namespace fred::toy
