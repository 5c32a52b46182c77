// The searches, and running with conditions in both directions, against brute force.

#include <fmt/format.h>

#include <algorithm>

#include "reverse/search/expression_search.h"
#include "reverse/search/last_change.h"
#include "test.h"
#include "tests/unit/toy/execution.h"

using namespace fred;
using namespace fred::toy;

namespace {
/// A very long execution: every tick has the same few instructions. Nothing is stored.
class LongExecution : public Execution {
 public:
  static constexpr u64 last = 1'000'000'000, each = 5;
  explicit LongExecution(std::mt19937& random) {
    snapshots_.push_back(begin());
    for (u64 far = last; far > 1000; far = far * 3 / 4 - random() % 100) snapshots_.push_back(at(last - far + 1, 0));
  }
  static Time at(u64 tick, u64 n) { return {tick, GuestAddr{0x1000 + n}, 0, 0}; }
  Time begin() const override { return at(1, 0); }
  Time tip() const override { return at(last, 2); }
  Time position() const override { return tip(); }
  std::vector<Time> snapshots() const override { return snapshots_; }
  Result<> go_to(const Time&) override { return {}; }
  Result<Time> first_of_tick(u64 ticks) override { return at(ticks, 0); }
  Result<RunStop> run_forward(const Time&, const std::vector<Condition>&) override { return fail("unused"); }
  Result<std::vector<Note>> collect(const Time&, const Time&, const std::vector<Condition>&) override {
    return fail("unused");
  }
  Result<std::vector<TracePoint>> trace_before(const Time& to, u64 most) override {
    std::vector<TracePoint> trace;
    for (Time t = to; most > 0 && t > begin(); --most) {
      t = t.pc.value > 0x1000 ? at(t.ticks, t.pc.value - 0x1000 - 1) : at(t.ticks - 1, each - 1);
      trace.push_back({t, 0, 1});
    }
    std::ranges::reverse(trace);
    return trace;
  }
  Result<std::vector<TracePoint>> trace_after(const Time&, u64) override { return fail("unused"); }
  Result<std::vector<u8>> memory_at(const Time&, GuestAddr, u64) override { return fail("unused"); }
  Result<TracePoint> point_at(const Time& t) override { return TracePoint{t, 0, 1}; }

 private:
  std::vector<Time> snapshots_;
};

struct FunctionProbe : Probe {
  std::function<ProbeValue(const Time&)> value;
  Result<ProbeValue> at(const Time& time) override { return value(time); }
};

ProbeValue number(u64 n) { return {std::to_string(n), std::to_string(n)}; }
}  // namespace

TEST_CASE("ExpressionSearch: at most 40 probes for 10^9 ticks, down to the instruction") {
  std::mt19937 random(7);
  LongExecution execution(random);
  for (int n = 0; n < 400; ++n) {
    const u64 far = 1 + random() % (u64{1} << (random() % 30));
    const Time change = LongExecution::at(LongExecution::last - std::min(far, LongExecution::last - 2), random() % 5);
    if (change >= execution.tip() || change <= execution.begin()) continue;
    FunctionProbe probe;
    probe.value = [&](const Time& t) { return t <= change ? ProbeValue{} : number(9); };
    HitSearch hits(execution);
    ExpressionSearch search(execution, hits, probe);
    u64 shown = 0;
    search.on_progress([&](const ProbeProgress& p) { shown = p.probes; });
    const Result<FoundChange> found = search.find(execution.tip(), {}, {});
    REQUIRE(found);
    CHECK_FALSE(found->same_at_start);
    CHECK(found->before == change);
    CHECK(execution.trace_before(found->after, 1)->front().time == change);
    CHECK(found->probes <= 40);
    CHECK(shown == found->probes);
    CHECK_FALSE(found->old_value.identity);
  }
  FunctionProbe same;
  same.value = [](const Time&) { return number(1); };
  HitSearch hits(execution);
  CHECK(ExpressionSearch(execution, hits, same).find(execution.tip(), {}, {})->same_at_start);
  std::stop_source source;
  same.value = [&](const Time&) {
    source.request_stop();
    return number(1);
  };
  const Result<FoundChange> cut = ExpressionSearch(execution, hits, same).find(execution.tip(), {}, source.get_token());
  REQUIRE_FALSE(cut);
  CHECK(is_interrupted(cut.error()));
}

namespace {
/// A value that only code which is executed in every 1000th tick sees; it is asked for where places() says.
class HidingExecution : public LongExecution {
 public:
  static constexpr u64 period = 1000;
  using LongExecution::LongExecution;
  static bool sees(const Time& t) { return t.ticks % period == 0; }
  Result<> go_to(const Time& t) override {
    position_ = t;
    return {};
  }
  Result<RunStop> run_forward(const Time& limit, const std::vector<Condition>&) override {
    const Time next = at((position_.ticks / period + 1) * period, 0);
    if (next > limit) return RunStop{RunEnd::limit, limit, {}};
    return RunStop{RunEnd::hit, next, {{ConditionId{1}, next, next}}};
  }
  Result<std::vector<Note>> collect(const Time& from, const Time& to, const std::vector<Condition>&) override {
    Time seen = at(to.ticks / period * period, 0);
    if (seen >= to) seen = at(seen.ticks < period ? 0 : seen.ticks - period, 0);
    if (seen < from || seen.ticks == 0) return std::vector<Note>{{ConditionId{1}, 0, {}}};
    return std::vector<Note>{{ConditionId{1}, 2, Hit{ConditionId{1}, seen, seen}}};
  }

 private:
  Time position_;
};

struct HidingProbe : FunctionProbe {
  Result<ProbeValue> at(const Time& time) override {
    auto seen = value(time);
    seen.hidden = !HidingExecution::sees(time);
    return seen;
  }
  Result<std::vector<Condition>> places() override {
    return std::vector<Condition>{{ConditionId{1}, BreakCondition{GuestAddr{0x1000}, {}}, {}}};
  }
};
}  // namespace

TEST_CASE("ExpressionSearch: nothing is concluded from hidden values") {
  std::mt19937 random(8);
  HidingExecution execution(random);
  const Time from = LongExecution::at(LongExecution::last, 1);
  for (int n = 0; n < 100; ++n) {
    const u64 tick = 2000 + random() % (LongExecution::last - 4000);
    const bool within = n % 2 == 0;  // where it is seen
    const Time change = LongExecution::at(within ? tick / 1000 * 1000 : tick, random() % 4);
    if (!within && HidingExecution::sees(change)) continue;
    HidingProbe probe;
    probe.value = [&](const Time& t) { return number(t <= change ? 1 : 2); };
    HitSearch hits(execution);
    const auto found = ExpressionSearch(execution, hits, probe).find(from, {}, {});
    REQUIRE(found);
    CHECK(found->probes < 200);
    CHECK_FALSE(found->begins);
    CHECK(found->adjacent == within);
    CHECK(found->old_value.shown == "1");
    if (within) {
      CHECK(found->before == change);
    } else {  // the last that is seen before, and the first behind
      CHECK(found->before == LongExecution::at(change.ticks / 1000 * 1000, 4));
      CHECK(found->after == LongExecution::at((change.ticks / 1000 + 1) * 1000, 0));
    }
  }
  // The same as far back as it can be seen: what has it begins there, and nothing before.
  HidingProbe same;
  same.value = [](const Time&) { return number(2); };
  HitSearch hits(execution);
  const Time lowest = LongExecution::at(500'500, 3);
  const auto found = ExpressionSearch(execution, hits, same).find(from, lowest, {});
  REQUIRE(found);
  CHECK(found->begins);
  CHECK_FALSE(found->same_at_start);
  CHECK(found->before == lowest);
  CHECK(found->after == LongExecution::at(501'000, 0));
}

TEST_CASE("Running with conditions stops where brute force says, in both directions") {
  u64 checked = 0;
  for (u32 seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    ToyProgram program = random_program(random);
    const History h = run(std::move(program), random, 50 + random() % 400);
    std::vector<u64> snapshots;
    for (u64 n = random() % 6; n > 0; --n) snapshots.push_back(random() % h.points.size());
    ToyExecution execution(h, snapshots);
    ToySymbols symbols(h);
    Timeline timeline(execution, symbols);
    Conditions conditions;
    for (u32 n = 1 + random() % 3; n > 0; --n) {
      const Point& p = h.points[random() % h.points.size()];
      if (random() % 2 == 0) {
        conditions.push_back({ConditionId{n}, BreakCondition{p.trace.time.pc, {}}, {}});
      } else {
        const GuestAddr cell{History::global_address(random() % ToyProgram::globals)};
        conditions.push_back({ConditionId{n}, WatchCondition{guest_range(cell, 1 + random() % 8)}, {}});
      }
    }
    for (int n = 0; n < 40; ++n) {
      const u64 from = random() % h.points.size();
      REQUIRE(timeline.go_to(h.points[from].trace.time));
      std::optional<u64> wanted;
      for (u64 i = from; i-- > 0 && !wanted;) {
        if (!execution.hits(i, conditions).empty()) wanted = i;
      }
      const Result<Stop> back = timeline.resume(Direction::backward, conditions);
      REQUIRE(back);
      CHECK(back->end == (wanted ? TravelEnd::hit : TravelEnd::history_begin));
      CHECK(back->time == h.points[wanted.value_or(0)].trace.time);
      if (wanted) CHECK(back->hits.size() == execution.hits(*wanted, conditions).size());
      CHECK(timeline.position() == back->time);

      // Forwards from there a write is met first: by the instruction that the way back stopped at.
      const Result<Stop> on = timeline.resume(Direction::forward, conditions);
      REQUIRE(on);
      CHECK(on->time > back->time);
      checked += 2;

      // A step of many instructions ends at the last hit before its target.
      const u64 steps = 1 + random() % 50;
      REQUIRE(timeline.go_to(h.points[from].trace.time));
      const Result<Stop> stepped = timeline.step_instruction(Direction::backward, steps, conditions);
      REQUIRE(stepped);
      if (stepped->end == TravelEnd::arrived) CHECK((!wanted || h.points[*wanted].trace.time < stepped->time));
      if (stepped->end == TravelEnd::hit) CHECK(stepped->time == h.points[wanted.value()].trace.time);
    }
    const u64 collected = timeline.search().collected();
    REQUIRE(timeline.go_to(execution.tip()));
    REQUIRE(timeline.resume(Direction::backward, conditions));
    REQUIRE(timeline.go_to(execution.tip()));
    const u64 once = timeline.search().collected();
    REQUIRE(timeline.resume(Direction::backward, conditions));
    CHECK(timeline.search().collected() == once);
    CHECK(once - collected <= snapshots.size() + 1);
  }
  MESSAGE(checked << " runs");
}

TEST_CASE("last_change and its count are exact") {
  for (u32 seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    ToyProgram program = random_program(random);
    const History h = run(std::move(program), random, 400);
    ToyExecution execution(h, {random() % h.points.size(), random() % h.points.size()});
    ToySymbols symbols(h);
    Timeline timeline(execution, symbols);
    const GuestRange cell = guest_range(GuestAddr{History::global_address(random() % ToyProgram::globals)}, 8);
    const u64 from = random() % h.points.size();
    std::optional<u64> last;
    u64 changes = 0;
    for (u64 i = 0; i < from; ++i) {
      if (h.word(i, cell.begin.value) == h.word(i + 1, cell.begin.value)) continue;
      last = i;
      ++changes;
    }
    const Time now = h.points[from].trace.time;
    const auto found = last_change(timeline, cell, timeline.begin(), now, {});
    REQUIRE(found);
    CHECK(found->has_value() == last.has_value());
    if (last) CHECK((*found)->at == h.points[*last].trace.time);
    CHECK(count_changes(timeline, cell, execution.begin(), now, {}).value() == changes);
    if (!last) continue;
    const Result<Stop> landed = land_before_change(timeline, (*found)->at, (*found)->after);
    REQUIRE(landed);
    CHECK(landed->time <= (*found)->at);
  }
}

TEST_CASE("Every command can be interrupted at every question and is back where it was") {
  for (u32 seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    ToyProgram program = random_program(random);
    const History h = run(std::move(program), random, 300);
    ToyExecution execution(h, {h.points.size() / 2});
    ToySymbols symbols(h);
    Timeline timeline(execution, symbols, {.first_trace = 4, .near = 30});
    const Time start = h.points[h.points.size() * 3 / 4].trace.time;
    const Conditions never_hit = {{ConditionId{1}, BreakCondition{GuestAddr{1}, {}}, {}}};
    for (u64 after = 0; after < 6; ++after) {
      for (const Direction direction : {Direction::backward, Direction::forward}) {
        REQUIRE(timeline.go_to(start));
        execution.fail_after = after;
        const Result<Stop> stop = timeline.next(direction, 1000, never_hit);
        execution.fail_after = ~u64{0};
        REQUIRE(stop);
        if (stop->end == TravelEnd::interrupted) CHECK(timeline.position() == start);
      }
    }
  }
}
