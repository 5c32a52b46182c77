#include "reverse/timeline/hit_search.h"

#include <algorithm>

#include "reverse/timeline/own_conditions.h"
#include "reverse/timeline/stop.h"

namespace fred {
namespace {
constexpr u64 most_condition_sets = 8, most_facts = 4096;

/// The last snapshot before `to`, from which an interval that ends there is searched.
Time last_snapshot_before(Execution& execution, const Time& to) {
  Time found = execution.begin();
  for (const Time& t : execution.snapshots()) {
    if (t < to) found = std::max(found, t);
  }
  return found;
}
}  // namespace

std::optional<HitSearch::Answer> HitSearch::answer(const Fact& fact, const Time& to) {
  if (to <= fact.from || fact.to < to) return std::nullopt;
  Answer answer{fact.from, {}};
  for (const Note& note : fact.notes) {
    if (!note.last) continue;
    if (note.last->at >= to) {
      // The note hides what this condition did before.
      if (note.count > 1) return std::nullopt;
      continue;
    }
    if (!answer.hits.empty() && note.last->at < answer.hits.front().at) continue;
    if (!answer.hits.empty() && note.last->at > answer.hits.front().at) answer.hits.clear();
    answer.hits.push_back(*note.last);
  }
  return answer;
}

HitSearch::Facts& HitSearch::facts_of(const std::vector<Condition>& conditions) {
  const auto found = std::ranges::find(known_, conditions, &Facts::conditions);
  if (found != known_.end()) {
    known_.splice(known_.begin(), known_, found);
  } else {
    known_.push_front({conditions, {}});
    if (known_.size() > most_condition_sets) known_.pop_back();
  }
  return known_.front();
}

Result<std::vector<Note>> HitSearch::collect(const Time& from, const Time& to,
                                             const std::vector<Condition>& conditions) {
  ++collected_;
  return execution_.collect(from, to, conditions);
}

Result<std::vector<Hit>> HitSearch::last(const Time& from, const Time& to, const std::vector<Condition>& conditions,
                                         bool keep, const std::stop_token& stop) {
  if (conditions.empty()) return std::vector<Hit>{};
  if (const u64 now = execution_.edition(); edition_ != now) {
    known_.clear();
    edition_ = now;
  }
  Facts unkept;
  Facts& facts = keep ? facts_of(conditions) : unkept;
  Time at = to;
  while (from < at) {
    if (stop.stop_requested()) return interrupted();
    std::optional<Answer> known;
    for (const Fact& fact : facts.facts) {
      known = answer(fact, at);
      if (known) break;
    }
    if (!known) {
      const Time begin = last_snapshot_before(execution_, at);
      if (at <= begin) break;
      Result<std::vector<Note>> notes = collect(begin, at, conditions);
      if (!notes) return std::unexpected(std::move(notes.error()));
      const Fact fact{begin, at, std::move(*notes)};
      known = answer(fact, at);
      if (keep) {
        if (facts.facts.size() >= most_facts) facts.facts.clear();
        facts.facts.push_back(fact);
      }
    }
    if (!known->hits.empty()) {
      if (known->hits.front().at < from) break;
      return std::move(known->hits);
    }
    at = known->from;
  }
  return std::vector<Hit>{};
}

Result<std::vector<u64>> HitSearch::count(const Time& from, const Time& to, const std::vector<Condition>& conditions,
                                          const std::stop_token& stop) {
  std::vector<u64> counts(conditions.size());
  Time at = to;
  while (from < at) {
    if (stop.stop_requested()) return interrupted();
    const Time begin = std::max(from, last_snapshot_before(execution_, at));
    Result<std::vector<Note>> notes = collect(begin, at, conditions);
    if (!notes) return std::unexpected(std::move(notes.error()));
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += (*notes)[i].count;
    at = begin;
  }
  return counts;
}

Result<std::optional<Time>> behind_last_turn(Execution& execution, HitSearch& search, ThreadId thread, const Time& to,
                                             const std::stop_token& stop) {
  const Condition turn{.id = OwnConditions::first_id, .what = TurnCondition{}, .thread = thread};
  const auto hits = search.last(execution.begin(), to, {turn}, true, stop);
  if (!hits) return std::unexpected(hits.error());
  if (hits->empty()) return std::nullopt;
  const auto behind = execution.first_of_tick(hits->front().at.ticks + 1);  // handing the turn on ticks
  if (!behind) return std::unexpected(behind.error());
  return *behind;
}

}  // namespace fred
