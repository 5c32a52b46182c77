#include "reverse/session/passed_changes.h"

#include <algorithm>

namespace fred {

Result<WatchedBytes> watched_bytes(Peer& peer, const std::vector<Condition>& conditions) {
  WatchedBytes all;
  for (const auto& c : conditions) {
    const auto* watch = std::get_if<WatchCondition>(&c.what);
    if (watch == nullptr) continue;
    auto bytes = peer.memory(watch->range.begin, watch->range.size());
    if (!bytes) return std::unexpected(bytes.error());
    all.push_back(std::move(*bytes));
  }
  return all;
}

std::vector<Hit> changed_over(const Span& changes, const std::vector<Condition>& conditions, const WatchedBytes& before,
                              const WatchedBytes& after) {
  std::vector<Hit> hits;
  std::size_t i = 0;
  for (const auto& c : conditions) {
    const auto* watch = std::get_if<WatchCondition>(&c.what);
    if (watch == nullptr) continue;
    const auto& then = before[i];
    const auto& now = after[i++];
    if (then == now || watch->access == WatchCondition::Access::read) continue;
    hits.push_back({.id = c.id, .at = changes.begin, .after = changes.end, .before = then, .now = now});
  }
  return hits;
}

Result<> note_before_changes(Peer& worker, const Time& behind, const std::vector<Condition>& conditions,
                             std::vector<Note>& notes) {
  const auto signal = worker.waiting_signal();
  if (!signal) return std::unexpected(signal.error());
  const auto call = worker.at_system_call();
  if (!call) return std::unexpected(call.error());
  const auto among = [](const auto& wanted, auto number) {
    return wanted.empty() || std::ranges::find(wanted, number) != wanted.end();
  };
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    Hit hit{.id = conditions[i].id, .at = behind, .after = behind};
    const auto* signals = std::get_if<SignalCondition>(&conditions[i].what);
    const auto* calls = std::get_if<SyscallCondition>(&conditions[i].what);
    if (signals != nullptr && *signal && (*signal)->fault && among(signals->numbers, (*signal)->number)) {
      hit.number = static_cast<u32>((*signal)->number);
    } else if (calls != nullptr && *call && (*call)->returned && among(calls->numbers, (*call)->number)) {
      hit.number = (*call)->number;
      hit.returned = true;
    } else {
      continue;
    }
    ++notes[i].count;
    notes[i].last = std::move(hit);
  }
  return {};
}

}  // namespace fred
