// `reverse-watch EXPR`: where an expression came to have its present value, for any expression that can be evaluated
// at a Time. Bisection over Time: the value differs at one end, is as now at the other, and the ends come together
// until they are neighbours. So a change is found that leads to the present value, not of necessity the last one.
//
// Where the value is hidden (probe.h) nothing is concluded. The search goes on from the nearest Times on both sides at
// which it is seen: those are looked for by the code of the frame, as the Times around would mostly be hidden too. If
// nothing can be seen between the ends, they stay apart, and FoundChange says so.
#pragma once
#include <functional>
#include <stop_token>

#include "reverse/search/probe.h"
#include "reverse/timeline/hit_search.h"

namespace fred {

struct ProbeProgress {
  u64 probes = 0;
  Time low, high;  // what is looked for lies between
};

struct FoundChange {
  /// The value is the same at the start of history; then only `probes`, `seconds` and `now` say something.
  bool same_at_start = false;
  Time before, after;    // neighbours: the instruction at `before` makes the change
  bool adjacent = true;  // false: no neighbours, nothing between them can be seen
  bool begins = false;   // the frame that has the value begins at `before`: it has none there
  ProbeValue old_value, now;
  u64 probes = 0;
  double seconds = 0;
};

class ExpressionSearch {
 public:
  ExpressionSearch(Execution& execution, HitSearch& hits, Probe& probe)
      : execution_(execution), hits_(hits), probe_(probe) {}

  /// Called after each probe.
  void on_progress(std::function<void(const ProbeProgress&)> show) { show_ = std::move(show); }

  /// Searches before `from`, not further back than `lowest`, where what has the value begins; nothing: than the start
  /// of history. The execution's position may move.
  Result<FoundChange> find(const Time& from, const std::optional<Time>& lowest, std::stop_token stop);

 private:
  enum class Seen : u8 { same, other, hidden };
  Result<Seen> look(const Time& time);
  Result<bool> gallop(bool begins);
  Result<> bisect_ticks();
  Result<> bisect_instructions();
  Result<> find_places();
  Result<Seen> last_seen_before(Time time);
  Result<Seen> first_seen_after(Time time);

  Execution& execution_;
  HitSearch& hits_;
  Probe& probe_;
  std::function<void(const ProbeProgress&)> show_;
  std::stop_token stop_;
  FoundChange change_;
  std::optional<std::vector<Condition>> places_;
};

}  // namespace fred
