// Every stepping command of Timeline against the oracle, on random programs, positions, snapshots and tunings.

#include <cstdlib>

#include <fmt/format.h>

#include "reverse/timeline/timeline.h"
#include "test.h"
#include "tests/unit/toy/execution.h"
#include "tests/unit/toy/oracle.h"

using namespace fred;
using namespace fred::toy;

namespace {
enum class Command : u8 { step_instruction, next_instruction, step, next, finish };
constexpr std::string_view names[] = {"stepi", "nexti", "step", "next", "finish"};

std::string around(const History& h, ToySymbols& symbols, u64 from, u64 to) {
  std::string text;
  for (u64 i = from; i <= to && i < h.points.size(); ++i) {
    const Point& p = h.points[i];
    const auto line = symbols.line_at(p.trace.time.pc);
    text +=
        fmt::format("{:4} {:22} sp {:x} thread {} node {} f{} op {} line {}{} depth {}\n", i, print_time(p.trace.time),
                    p.trace.stack_pointer, p.trace.thread, p.node, h.nodes[p.node].function,
                    static_cast<int>(p.instruction->op), line ? static_cast<u64>(line->id) : 0,
                    line && line->starts_statement ? "*" : "", line ? line->inline_depth : 0);
  }
  return text;
}

struct Case {
  std::mt19937 random;
  History history;
  std::vector<u64> snapshots;
  Tuning tuning;

  explicit Case(u64 seed) : random(static_cast<u32>(seed)) {
    const u64 most = 30 + random() % 500;
    ToyProgram program = random_program(random);
    history = run(std::move(program), random, most);
    for (u64 n = random() % 6; n > 0; --n) snapshots.push_back(random() % history.points.size());
    const u64 nears[] = {2, 5, 20, 60, 4000, 4000};
    tuning = {.first_trace = 1 + random() % 16, .near = nears[random() % 6]};
  }
};

/// A case with a timeline on it, and the oracle beside it.
struct TimelineCase : Case {
  explicit TimelineCase(u64 seed) : Case(seed) {}

  ToyExecution execution{history, snapshots};
  ToySymbols symbols{history};
  Oracle oracle{history, symbols};
  Timeline timeline{execution, symbols, tuning};
};

Result<Stop> travel(Timeline& timeline, Command command, Direction direction) {
  switch (command) {
    case Command::step_instruction:
      return timeline.step_instruction(direction, 1, {});
    case Command::next_instruction:
      return timeline.next_instruction(direction, 1, {});
    case Command::step:
      return timeline.step(direction, 1, {});
    case Command::next:
      return timeline.next(direction, 1, {});
    case Command::finish:
      return timeline.finish(direction, 0, {});
  }
  return fail("no such command");
}

Oracle::Place expected(Oracle& oracle, Command command, Direction direction, u64 from) {
  switch (command) {
    case Command::step_instruction:
      return oracle.step_instruction(from, direction);
    case Command::next_instruction:
      return oracle.next_instruction(from, direction);
    case Command::step:
      return oracle.line(from, direction, true);
    case Command::next:
      return oracle.line(from, direction, false);
    case Command::finish:
      return oracle.finish(from, direction);
  }
  return std::nullopt;
}
}  // namespace

TEST_CASE("Timeline: stepping stops where the whole trace says") {
  const char* only = std::getenv("FRED_TOY_SEED");
  const u64 first = only ? std::strtoull(only, nullptr, 10) : 1;
  const u64 last = only ? first : 2000;
  u64 checked = 0, failed = 0;
  for (u64 seed = first; seed <= last && failed < 5; ++seed) {
    TimelineCase c(seed);
    const History& h = c.history;
    for (int n = 0; n < 60; ++n) {
      const u64 from = c.random() % h.points.size();
      if (!h.points[from].unwindable) continue;
      const auto command = static_cast<Command>(c.random() % 5);
      const Direction direction = c.random() % 3 == 0 ? Direction::forward : Direction::backward;
      if (command == Command::finish && !c.oracle.has_caller(from)) continue;
      // Out of a signal's trampoline nothing else steps as the frames say.
      const bool in_trampoline = h.points[from].instruction->op == Op::resume;
      if (in_trampoline && (command == Command::finish || command == Command::next_instruction)) continue;
      const bool back = direction == Direction::backward;
      const Oracle::Place place = expected(c.oracle, command, direction, from);
      REQUIRE(c.timeline.go_to(h.points[from].trace.time));
      const Result<Stop> stop = travel(c.timeline, command, direction);
      ++checked;
      const u64 wanted = place.value_or(back ? 0 : h.points.size() - 1);
      const TravelEnd end = place     ? TravelEnd::arrived
                            : back    ? TravelEnd::history_begin
                            : h.ended ? TravelEnd::guest_end
                                      : TravelEnd::history_end;
      const std::optional<u64> got = stop ? h.find(stop->time) : std::nullopt;
      if (stop && got == wanted && stop->end == end && c.timeline.position() == stop->time) continue;
      ++failed;
      const u64 low = std::min({from, wanted, got.value_or(from)}), high = std::max({from, wanted, got.value_or(from)});
      MESSAGE(fmt::format("seed {} {}{} from {} near {} chunk {}: expected {} ({}), got {} ({}) {}\n{}", seed,
                          back ? "reverse-" : "", names[static_cast<int>(command)], from, c.tuning.near,
                          c.tuning.first_trace, wanted, static_cast<int>(end), got ? static_cast<i64>(*got) : -1,
                          stop ? static_cast<int>(stop->end) : -1, stop ? "" : stop.error().message,
                          only ? around(h, c.symbols, low > 6 ? low - 6 : 0, high + 3) : ""));
      break;
    }
  }
  CHECK(failed == 0);
  MESSAGE(checked << " steps");
}

TEST_CASE("Timeline: until and advance stop at the place, no further than out of the frame") {
  for (u64 seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    TimelineCase c(seed);
    const History& h = c.history;
    for (int n = 0; n < 20; ++n) {
      const u64 from = c.random() % h.points.size();
      CAPTURE(from);
      const bool odd = !h.points[from].unwindable || h.points[from].instruction->op == Op::resume;
      if (odd || !c.oracle.has_caller(from)) continue;
      const u64 other = c.random() % h.points.size();
      const GuestAddr place = h.points[other].trace.time.pc;
      CAPTURE(print_time(h.points[other].trace.time));
      const auto is_there = [&](u64 i) {
        const TracePoint& p = h.points[i].trace;
        return p.thread == h.points[from].trace.thread && p.time.pc == place && p.time.phase == 0;
      };
      const Oracle::Place entered = c.oracle.finish(from, Direction::backward);
      u64 wanted = entered.value_or(0);
      for (u64 i = from; i-- > wanted;) {
        if (is_there(i)) {
          wanted = i;
          break;
        }
      }
      REQUIRE(c.timeline.go_to(h.points[from].trace.time));
      const Result<Stop> back = c.timeline.until(Direction::backward, {place}, true, {});
      REQUIRE(back);
      CHECK(h.find(back->time) == wanted);

      const Oracle::Place left = c.oracle.finish(from, Direction::forward);
      u64 first = from + 1;
      while (first < h.points.size() && !is_there(first)) ++first;
      if (first >= left.value_or(h.points.size())) continue;
      REQUIRE(c.timeline.go_to(h.points[from].trace.time));
      const Result<Stop> on = c.timeline.until(Direction::forward, {place}, true, {});
      REQUIRE(on);
      CHECK(h.find(on->time) == first);
    }
  }
}

TEST_CASE("Timeline: a count is that many steps, and breaks within a step end it") {
  for (u64 seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    TimelineCase c(seed);
    const History& h = c.history;
    for (int n = 0; n < 10; ++n) {
      const u64 from = c.random() % h.points.size(), count = 1 + c.random() % 4;
      if (!h.points[from].unwindable) continue;
      Oracle::Place place = from;
      for (u64 left = count; left > 0 && place; --left) place = c.oracle.line(*place, Direction::backward, false);
      const u64 wanted = place.value_or(0);
      REQUIRE(c.timeline.go_to(h.points[from].trace.time));
      const Result<Stop> stop = c.timeline.next(Direction::backward, count, {});
      REQUIRE(stop);
      CHECK(h.find(stop->time) == wanted);

      const GuestAddr pc = h.points[c.random() % h.points.size()].trace.time.pc;
      const Conditions breaks = {{ConditionId{7}, BreakCondition{pc, {}}, {}}};
      const Oracle::Place one = c.oracle.line(from, Direction::backward, false);
      u64 met = one.value_or(0);
      for (u64 i = from; i-- > met;) {
        if (!c.execution.hits(i, breaks).empty()) {
          met = i;
          break;
        }
      }
      REQUIRE(c.timeline.go_to(h.points[from].trace.time));
      const Result<Stop> broken = c.timeline.next(Direction::backward, 1, breaks);
      REQUIRE(broken);
      CHECK(h.find(broken->time) == met);
      CHECK((broken->end == TravelEnd::hit) == (met < from && !c.execution.hits(met, breaks).empty()));
    }
  }
}
