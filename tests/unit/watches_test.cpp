// Watched memory: what collectors and running report is what single steps find.
#include <random>

#include "tests/unit/stepped_guest.h"

namespace fred {
namespace {

Condition watch(u32 id, GuestRange range, WatchCondition::Access access = WatchCondition::Access::write) {
  return {.id = ConditionId{id}, .what = WatchCondition{.range = range, .access = access}, .thread = {}};
}

/// Ranges of many sizes in the areas, and one that covers everything of each.
std::vector<GuestRange> random_ranges(const Markers& m, std::mt19937_64& random, int count) {
  std::vector<GuestRange> ranges;
  for (int i = 0; i < count; ++i) {
    const auto& area = m.areas[random() % 8 == 0 ? 1 + random() % 2 : 0];
    constexpr u64 sizes[] = {1, 2, 4, 8, 8, 16, 100, 1000};
    const u64 size = std::min(sizes[random() % std::size(sizes)], area.size());
    ranges.push_back(guest_range(area.begin + random() % (area.size() - size + 1), size));
  }
  return ranges;
}

/// The hits of one condition, from stop to stop.
std::vector<std::vector<std::string>> run_through(Peer& worker, const Time& end, std::size_t conditions) {
  std::vector<std::vector<std::string>> found(conditions);
  for (;;) {
    const auto at = worker.run_to(end);
    REQUIRE(at);
    for (const auto& hit : at->hits) {
      CHECK(text_of(hit.after) == text_of(at->time));
      found[static_cast<u32>(hit.id)].push_back(text_of(hit));
    }
    if (at->reason == static_cast<u64>(StopReason::hit)) continue;
    CHECK(at->reason == static_cast<u64>(StopReason::reached));
    return found;
  }
}

}  // namespace

TEST_CASE("watches: every form of store, as single steps find it") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    RecordedGuest recorded("time/stores", options);
    recorded.run_to_end();
    const auto m = markers_of(recorded);
    const SteppedGuest oracle(recorded, m.begin, m.end, m.pages());
    std::mt19937_64 random(17);
    for (int round = 0; round < 6; ++round) {
      std::vector<GuestRange> ranges = random_ranges(m, random, round == 0 ? 1 : 12);
      if (round == 1) ranges = m.areas;
      std::vector<Condition> conditions;
      for (const auto& r : ranges) conditions.push_back(watch(static_cast<u32>(conditions.size()), r));
      auto collector = recorded.worker_at(m.begin, conditions);
      const auto notes = collector.collect(m.end);
      REQUIRE(notes);
      REQUIRE(notes->size() == ranges.size());
      auto runner = recorded.worker();
      REQUIRE(runner.set_conditions({}));
      REQUIRE(runner.run_to(m.begin));
      REQUIRE(runner.set_conditions(conditions));
      const auto found = run_through(runner, m.end, ranges.size());
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        CAPTURE(ranges[i].begin.value - m.areas[0].begin.value);
        CAPTURE(ranges[i].size());
        std::vector<std::string> wanted;
        for (const auto& hit : oracle.changes(ranges[i])) wanted.push_back(text_of(hit));
        CHECK(found[i] == wanted);
        const auto& note = (*notes)[i];
        CHECK(note.count == wanted.size());
        CHECK((note.last ? text_of(*note.last) : "") == (wanted.empty() ? "" : wanted.back()));
      }
      CHECK(difference(state_of(collector), state_of(runner)) == "");
    }
  }
}

TEST_CASE("watches: changes of every register, as single steps find them") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    RecordedGuest recorded("time/stores", options);
    recorded.run_to_end();
    const auto m = markers_of(recorded);
    const SteppedGuest oracle(recorded, m.begin, m.end);
    for (const bool together : {false, true}) {
      if (!together && !options.empty()) continue;
      std::vector<Condition> conditions;
      for (u8 r = 0; r < 16; ++r) {
        conditions.push_back({ConditionId{r}, RegisterCondition{static_cast<Gpr>(r)}, std::nullopt});
      }
      // Changes of memory at the same instructions do not hide those of registers, nor the other way round.
      if (together) conditions.push_back(watch(16, m.areas[0]));
      auto collector = recorded.worker_at(m.begin, conditions);
      auto runner = recorded.worker_at(m.begin, conditions);
      const auto notes = collector.collect(m.end);
      REQUIRE(notes);
      const auto found = run_through(runner, m.end, conditions.size());
      for (u8 r = 0; r < 16; ++r) {
        CAPTURE(r);
        std::vector<std::string> wanted;
        for (const auto& hit : oracle.changes(static_cast<Gpr>(r))) wanted.push_back(text_of(hit));
        const auto [f, w] = std::ranges::mismatch(found[r], wanted);
        CHECK((f != found[r].end() ? *f : "the end") == (w != wanted.end() ? *w : "the end"));
        CHECK((*notes)[r].count == wanted.size());
        CHECK(((*notes)[r].last ? text_of(*(*notes)[r].last) : "") == (wanted.empty() ? "" : wanted.back()));
      }
      CHECK(difference(state_of(collector), state_of(runner)) == "");
    }
  }
}

TEST_CASE("watches: conditions change no Time, and a worker goes on exactly") {
  RecordedGuest recorded("time/stores");
  recorded.run_to_end();
  const auto m = markers_of(recorded);
  auto plain = recorded.worker(), watched = recorded.worker();
  REQUIRE(watched.set_conditions({watch(0, m.areas[0], WatchCondition::Access::access), watch(1, m.areas[2])}));
  REQUIRE(watched.collect(m.end));
  REQUIRE(plain.run_to(m.end));
  CHECK(difference(state_of(plain), state_of(watched)) == "");
  auto snapshot = watched.snapshot();
  REQUIRE(snapshot);
  auto later = snapshot->worker();
  REQUIRE(later);
  for (auto* worker : {&plain, &watched, &*later}) {
    REQUIRE(worker->set_conditions({}));
    const auto end = worker->run_on();
    REQUIRE(end);
    CHECK(text_of(end->time) == text_of(recorded.end()));
  }
}

TEST_CASE("watches: reads and accesses are found alike by translated code and by steps") {
  for (const auto& options : translator_switches) {
    CAPTURE(options.empty() ? "" : options[0]);
    RecordedGuest recorded("time/stores", options);
    recorded.run_to_end();
    const auto m = markers_of(recorded);
    std::mt19937_64 random(23);
    std::vector<Condition> conditions;
    for (const auto& range : random_ranges(m, random, 8)) {
      const auto access = random() % 2 == 0 ? WatchCondition::Access::read : WatchCondition::Access::access;
      conditions.push_back(watch(static_cast<u32>(conditions.size()), range, access));
    }
    auto stepper = recorded.worker_at(m.begin, conditions);
    auto runner = recorded.worker_at(m.begin, conditions);
    auto collector = recorded.worker_at(m.begin, conditions);
    std::vector<std::vector<std::string>> wanted(conditions.size());
    for (auto at = stepper.now(); at->time < m.end; at = stepper.step(1)) {
      REQUIRE(at);
      for (const auto& hit : at->hits) wanted[static_cast<u32>(hit.id)].push_back(text_of(hit));
    }
    const auto found = run_through(runner, m.end, conditions.size());
    const auto notes = collector.collect(m.end);
    REQUIRE(notes);
    u64 all = 0;
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      CAPTURE(i);
      all += wanted[i].size();
      CHECK(found[i] == wanted[i]);
      CHECK((*notes)[i].count == wanted[i].size());
      CHECK(((*notes)[i].last ? text_of(*(*notes)[i].last) : "") == (wanted[i].empty() ? "" : wanted[i].back()));
    }
    CHECK(all > 100);
  }
}

namespace {
/// What the program of tests/guests/time/reads.c says of itself.
struct ToldReads {
  GuestRange area;
  Time begin, end;
  std::vector<std::vector<GuestRange>> steps;

  explicit ToldReads(const RecordedGuest& recorded) {
    steps.emplace_back();
    for (const auto& e : recorded.events()) {
      const auto& g = e.registers.gpr;
      if (e.kind != EventKind::syscall || g[rax] != 1 || g[rdi] != 1000) continue;
      const auto range = guest_range(GuestAddr{g[rsi]}, g[rdx]);
      if (g[r10] == 1) {
        area = range;
        begin = e.time;
      } else if (g[r10] == 2) {
        end = e.time;
      } else if (range.empty()) {
        steps.emplace_back();
      } else {
        steps.back().push_back(range);
      }
    }
  }
  u64 touching(GuestRange range) const {
    return static_cast<u64>(std::ranges::count_if(steps, [&](const auto& reads) {
      return std::ranges::any_of(reads, [&](const GuestRange& r) { return r.overlaps(range); });
    }));
  }
};
}  // namespace

TEST_CASE("watches: reads whose addresses no operand says, as the program itself tells them") {
  auto all_options = translator_switches;
  all_options.push_back({"--cpu=native"});  // the program uses AVX-512 if there is
  for (const auto& options : all_options) {
    CAPTURE(options.empty() ? "" : options[0]);
    RecordedGuest recorded("time/reads", options);
    recorded.run_to_end();
    const ToldReads told(recorded);
    REQUIRE(told.steps.size() == 501);
    std::mt19937_64 random(31);
    std::vector<GuestRange> ranges = {told.area};
    for (int i = 0; i < 40; ++i) {
      constexpr u64 sizes[] = {1, 4, 8, 64, 500, 4000};
      const u64 size = sizes[random() % std::size(sizes)];
      ranges.push_back(guest_range(told.area.begin + random() % (told.area.size() - size + 1), size));
    }
    ranges.push_back(guest_range(told.area.begin + 61440, 16));
    std::vector<Condition> conditions;
    for (const auto& r : ranges) {
      conditions.push_back(watch(static_cast<u32>(conditions.size()), r, WatchCondition::Access::read));
    }
    auto collector = recorded.worker_at(told.begin, conditions);
    auto runner = recorded.worker_at(told.begin, conditions);
    const auto notes = collector.collect(told.end);
    REQUIRE(notes);
    const auto found = run_through(runner, told.end, conditions.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      CAPTURE(ranges[i].begin.value - told.area.begin.value);
      CAPTURE(ranges[i].size());
      CHECK((*notes)[i].count == told.touching(ranges[i]));
      CHECK(found[i].size() == told.touching(ranges[i]));
    }
    CHECK((*notes)[0].count > 450);  // all but gathers with an empty mask
  }
}

TEST_CASE("watches and breaks: while live checks itself in lockstep, it stops where a worker does") {
  std::mt19937_64 random(5);
  RecordedGuest plain("time/stores");
  plain.run_to_end();
  const auto m = markers_of(plain);
  auto tracer = plain.worker();
  REQUIRE(tracer.run_to(m.begin));
  const auto points = tracer.trace(m.end, 3000);
  REQUIRE(points);

  RecordedGuest recorded("time/stores", {"--lockstep"});
  auto& live = recorded.live;
  const auto reached = live.run_to(m.begin);
  REQUIRE(reached);
  REQUIRE(text_of(reached->time) == text_of(m.begin));
  std::vector<Condition> conditions;
  for (const auto& range : random_ranges(m, random, 6)) {
    using enum WatchCondition::Access;
    constexpr WatchCondition::Access kinds[] = {write, read, access};
    conditions.push_back(watch(static_cast<u32>(conditions.size()), range, kinds[conditions.size() % 3]));
  }
  for (int i = 0; i < 6; ++i) {
    const auto& point = (*points)[random() % points->size()];
    const auto rsp = i < 3 ? std::optional<u64>{} : std::optional(i < 5 ? point.stack_pointer : 1);
    conditions.push_back({.id = ConditionId{static_cast<u32>(conditions.size())},
                          .what = BreakCondition{.pc = point.time.pc, .stack_pointer = rsp},
                          .thread = {}});
  }
  REQUIRE(live.set_conditions(conditions));
  const auto found = run_through(live, m.end, conditions.size());
  REQUIRE(live.set_conditions({}));
  recorded.run_to_end();
  auto worker = recorded.worker();
  REQUIRE(worker.run_to(m.begin));
  REQUIRE(worker.set_conditions(conditions));
  const auto wanted = run_through(worker, m.end, conditions.size());
  u64 all = 0;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == wanted[i]);
    all += found[i].size();
  }
  CHECK(all > 50);
}

}  // namespace fred
