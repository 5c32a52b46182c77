#include "reverse/session/tip_changes.h"

#include <algorithm>
#include <ranges>

namespace fred {

bool looks_called(const Registers& now, const Registers& before) {
  return now.rip != before.rip && now.gpr[rsp] < before.gpr[rsp];
}

void TipChanges::changed(const Standing& before, const Standing& after) {
  if (before.time == after.time) return;
  if (!group_) {
    group_ = Group{.before = before.time,
                   .first = after.time,
                   .last = after.time,
                   .intact = before.time,
                   .behind_intact = after.time,
                   .states = {before.registers}};
  }
  group_->last = after.time;
  if (before.registers == group_->states.front()) {
    group_->intact = before.time;
    group_->behind_intact = after.time;
  }
  const auto returns = [&](const Group& call) {
    return std::ranges::find(call.states, after.registers) != call.states.end();
  };
  const auto ended = std::ranges::find_if(calls_ | std::views::reverse, returns);
  if (ended != calls_.rend()) {
    const auto call = std::prev(ended.base());
    group_ = std::move(*call);
    group_->last = after.time;
    calls_.erase(call, calls_.end());
  }
  group_->states.push_back(after.registers);
  hide(*group_);
}

void TipChanges::runs() {
  if (!group_) return;
  const Registers callee = group_->states.back();
  std::erase_if(group_->states, [&](const Registers& r) { return !looks_called(callee, r); });
  if (!group_->states.empty()) calls_.push_back(std::move(*group_));
  group_.reset();
}

void TipChanges::hide(const Group& group) {
  for (auto* spans : {&hidden_, &made_}) std::erase_if(*spans, [&](const Span& s) { return s.begin >= group.before; });
  made_.push_back({group.before, group.last});
  const Time begin = group.before == history_begin_ ? group.first : group.before;
  if (group.before.pc == group.last.pc) {
    hide(Span{begin, group.last});
  } else {
    hide(Span{begin, group.intact});
    hide(Span{group.behind_intact, group.last});
  }
  ++edition_;
}

void TipChanges::hide(const Span& span) {
  if (span.begin < span.end) hidden_.push_back(span);
}

std::optional<Span> TipChanges::around(const Time& time) const {
  const auto behind = std::ranges::upper_bound(hidden_, time, {}, &Span::end);
  if (behind == hidden_.end() || time < behind->begin) return std::nullopt;
  return *behind;
}

std::optional<Time> TipChanges::next_hidden(const Time& time) const {
  const auto next = std::ranges::upper_bound(hidden_, time, {}, &Span::begin);
  return next != hidden_.end() ? std::optional(next->begin) : std::nullopt;
}

std::optional<Span> TipChanges::hidden_until(const Time& time) const {
  const auto found = std::ranges::find(hidden_, time, &Span::end);
  return found != hidden_.end() ? std::optional(*found) : std::nullopt;
}

bool TipChanges::made_at(const Time& time) const {
  return std::ranges::any_of(made_, [&](const Span& s) { return s.begin <= time && time < s.end; });
}

std::vector<Span> TipChanges::visible(const Time& from, const Time& to) const {
  std::vector<Span> parts;
  Time at = from;
  for (const auto& span : hidden_) {
    if (span.end <= at) continue;
    if (span.begin >= to) break;
    if (at < span.begin) parts.push_back({at, span.begin});
    at = span.end;
  }
  if (at < to) parts.push_back({at, to});
  return parts;
}

Time TipChanges::ticks_before(const Time& to, u64 ticks, const Time& begin) const {
  Time at = to;
  for (const auto& span : hidden_ | std::views::reverse) {
    if (span.begin >= at) continue;
    if (span.end <= at) {
      const u64 between = at.ticks - span.end.ticks;
      if (between >= ticks) break;
      ticks -= between;
    }
    at = span.begin;
  }
  return at.ticks > begin.ticks + ticks ? Time{.ticks = at.ticks - ticks, .pc = {}} : begin;
}

}  // namespace fred
