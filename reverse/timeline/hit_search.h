// The last moment before a Time at which conditions held: interval by interval backwards, each re-executed once. What
// intervals gave is kept: history does not change, so it stays true when snapshots come and go.
#pragma once
#include <list>
#include <optional>
#include <stop_token>
#include <vector>

#include "reverse/execution.h"

namespace fred {

class HitSearch {
 public:
  explicit HitSearch(Execution& execution) : execution_(execution) {}

  /// The hits at the last Time in [from, to) that has any; nothing if none has. With `keep` the answers of intervals
  /// are kept for later questions with the same conditions.
  Result<std::vector<Hit>> last(const Time& from, const Time& to, const std::vector<Condition>& conditions, bool keep,
                                const std::stop_token& stop);
  /// How many hits of each condition lie in [from, to), in their order.
  Result<std::vector<u64>> count(const Time& from, const Time& to, const std::vector<Condition>& conditions,
                                 const std::stop_token& stop);
  /// Intervals re-executed so far.
  u64 collected() const { return collected_; }

 private:
  /// What collect() gave for [from, to).
  struct Fact {
    Time from, to;
    std::vector<Note> notes;
  };
  struct Facts {
    std::vector<Condition> conditions;
    std::vector<Fact> facts;
  };
  struct Answer {
    Time from;              // the question is answered down to here
    std::vector<Hit> hits;  // at the last Time before the question's `to`
  };
  static std::optional<Answer> answer(const Fact& fact, const Time& to);
  Facts& facts_of(const std::vector<Condition>& conditions);
  Result<std::vector<Note>> collect(const Time& from, const Time& to, const std::vector<Condition>& conditions);

  Execution& execution_;
  std::list<Facts> known_;  // the most recently used first
  u64 edition_ = 0;         // of the history that they are about
  u64 collected_ = 0;
};

/// Of a thread that does not run just before `to`: the first Time behind its last turn before that, when others had run
/// nothing since. Nothing: it had no turn.
Result<std::optional<Time>> behind_last_turn(Execution& execution, HitSearch& search, ThreadId thread, const Time& to,
                                             const std::stop_token& stop);

}  // namespace fred
