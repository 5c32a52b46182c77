// `reverse-watch EXPR`: where an expression came to have its present value, for any expression that can be evaluated
// at a Time. Bisection over Time: the value differs at one end, is as now at the other, and the ends come together
// until they are neighbours. So a change is found that leads to the present value, not of necessity the last one.
#pragma once
#include <functional>
#include <stop_token>

#include "reverse/execution.h"
#include "reverse/search/probe.h"

namespace fred {

struct ProbeProgress {
  u64 probes = 0;
  Time low, high;  // what is looked for lies between
};

struct FoundChange {
  /// The value is the same at the start of history; then only `probes`, `seconds` and `now` say something.
  bool same_at_start = false;
  Time before, after;  // neighbours: the instruction at `before` makes the change
  ProbeValue old_value, now;
  u64 probes = 0;
  double seconds = 0;
};

class ExpressionSearch {
 public:
  ExpressionSearch(Execution& execution, Probe& probe) : execution_(execution), probe_(probe) {}

  /// Called after each probe.
  void on_progress(std::function<void(const ProbeProgress&)> show) { show_ = std::move(show); }

  /// Searches before `from`. The execution's position stays, if the probe leaves it.
  Result<FoundChange> find(const Time& from, std::stop_token stop);

 private:
  Result<bool> differs(const Time& time);
  Result<bool> gallop();
  Result<> bisect_ticks();
  Result<> bisect_instructions();

  Execution& execution_;
  Probe& probe_;
  std::function<void(const ProbeProgress&)> show_;
  std::stop_token stop_;
  FoundChange change_;
};

}  // namespace fred
