// The snapshot policy by simulation: no process, no clock.

#include <algorithm>
#include <map>
#include <random>

#include "ckpt/snapshot/policy.h"
#include "test.h"

using namespace fred;
using namespace std::chrono_literals;

namespace {
using Duration = SnapshotPolicy::Duration;
Time at(u64 ticks) { return {ticks, GuestAddr{0x1000}, 0, 0}; }

/// A program that runs, with a snapshot whenever one is due; a tick is a microsecond.
struct Simulation {
  SnapshotPolicy policy;
  SnapshotPolicy::Limits limits;
  std::map<u64, SnapshotId> kept;
  Duration spent{};
  u64 next = 1;

  explicit Simulation(const SnapshotPolicy::Limits& l) : policy(l), limits(l) {}

  void drop_surplus(u64 now, u64 position) {
    while (const auto id = policy.surplus(at(now), at(position))) {
      REQUIRE(std::erase_if(kept, [&](const auto& k) { return k.second == *id; }) == 1);
      policy.remove(*id);
    }
  }
  void run(u64 end, auto&& fork_cost, auto&& copy_cost, u64 memory_each) {
    for (u64 now = 0; now < end; now += 1000) {
      const Duration run_time = std::chrono::microseconds(now);
      if (!policy.due(run_time)) continue;
      const SnapshotId id{next++};
      policy.taken(id, at(now), run_time, fork_cost(now));
      policy.copying_cost(copy_cost(now));
      spent += fork_cost(now) + copy_cost(now);
      policy.set_memory(id, memory_each);
      kept[now] = id;
      drop_surplus(now, now);
      REQUIRE(kept.size() <= limits.most);
      REQUIRE(kept.begin()->first == 0);
    }
  }
};
}  // namespace

TEST_CASE("The cost of snapshots stays within the budget, whatever a snapshot costs") {
  const auto constant = [](Duration d) { return [d](u64) { return d; }; };
  const auto growing = [](u64 now) { return Duration(1'000'000 + now * 5); };
  const auto jumping = [](u64 now) { return now % 7'000'000 < 3'000'000 ? Duration(1ms) : Duration(300ms); };
  const auto check = [](auto&& fork, auto&& copy, u64 end, Duration largest) {
    Simulation s({});
    s.run(end, fork, copy, 0);
    // The first snapshot is taken before anything has run, so one may always be unpaid.
    const double budget = 0.03 * static_cast<double>(end) * 1000 + static_cast<double>(largest.count());
    CHECK(static_cast<double>(s.spent.count()) <= budget);
    CHECK(s.policy.cost() == s.spent);
    return s.next - 1;
  };
  CHECK(check(constant(1ms), constant(0ms), 10'000'000, 1ms) > 250);
  CHECK(check(constant(11ms), constant(306ms), 200'000'000, 317ms) > 15);
  check(growing, growing, 100'000'000, 2 * growing(100'000'000));
  check(jumping, jumping, 100'000'000, 600ms);
  check(constant(0ms), constant(0ms), 1'000'000, 1ms);
}

TEST_CASE("Gaps stay bounded relative to how long ago they are, and the caps hold") {
  for (const u64 end : {u64{1'000'000}, u64{30'000'000}, u64{1'000'000'000}}) {
    CAPTURE(end);
    Simulation s({});
    s.run(
        end, [](u64) { return Duration(300us); }, [](u64) { return Duration(0); }, u64{1} << 20);
    double worst = 0;
    for (auto k = s.kept.begin(); std::next(k) != s.kept.end(); ++k) {
      const u64 gap = std::next(k)->first - k->first, ago = end - k->first;
      worst = std::max(worst, static_cast<double>(gap) / static_cast<double>(ago));
      // Near now the gaps are those at which snapshots were taken.
      if (gap > 20'000) CHECK(static_cast<double>(gap) <= 0.5 * static_cast<double>(ago));
    }
    CHECK(s.kept.size() >= std::min<std::size_t>(50, end / 20'000));
    CHECK(end - s.kept.rbegin()->first <= 11'000);
  }
}

TEST_CASE("Too much memory drops snapshots, down to the first") {
  SnapshotPolicy::Limits limits;
  limits.most_memory = 10 << 20;
  Simulation s(limits);
  s.run(
      10'000'000, [](u64) { return Duration(300us); }, [](u64) { return Duration(0); }, 1 << 20);
  CHECK(s.policy.memory() <= limits.most_memory);
  CHECK(s.kept.size() == 10);
  for (const auto& [ticks, id] : s.kept) s.policy.set_memory(id, 1 << 30);
  s.drop_surplus(10'000'000, 10'000'000);
  CHECK(s.kept.size() == 1);
}

TEST_CASE("No room for a process: fewer are kept from then on, and failures wait longer and longer") {
  Simulation s({});
  const auto run = [&](u64 end) {
    s.run(
        end, [](u64) { return Duration(300us); }, [](u64) { return Duration(0); }, 0);
  };
  run(10'000'000);
  const auto before = s.kept.size();
  REQUIRE(before == 64);
  const auto last = s.kept.rbegin()->first;
  s.policy.taken_by_worker(SnapshotId{1'000'000}, at(5));
  s.kept[5] = SnapshotId{1'000'000};
  s.policy.no_room();
  s.drop_surplus(10'000'000, 10'000'000);
  CHECK(s.kept.size() == 65 * 3 / 4);
  CHECK(!s.kept.contains(5));  // workers' go first
  CHECK(s.kept.begin()->first == 0);
  CHECK(s.kept.rbegin()->first == last);
  for (int i = 0; i < 20; ++i) {
    s.policy.no_room();
    s.drop_surplus(10'000'000, 10'000'000);
  }
  CHECK(s.kept.size() == 2);
  CHECK(s.kept.begin()->first == 0);
  CHECK(s.kept.rbegin()->first == last);

  Duration now = 20s, wait = 0s;
  for (int i = 0; i < 20; ++i) {
    s.policy.not_taken(now);
    const auto before_now = now;
    while (!s.policy.due(now)) now += 1ms;
    CHECK(now - before_now >= std::min<Duration>(2 * wait - 2ms, 10s));
    wait = now - before_now;
  }
  CHECK(wait <= 11s);
}

TEST_CASE("Workers leave snapshots that halve the distance, so that the next step back is cheap") {
  SnapshotPolicy policy;
  constexpr u64 from = 0, position = 1'000'000'000, step = 100'000;
  const std::vector<u64> places = policy.fine_places(from, position, step);
  REQUIRE_FALSE(places.empty());
  CHECK(places.size() <= 12);
  CHECK(std::ranges::is_sorted(places));
  CHECK(position - places.back() <= 2 * step);
  u64 id = 1000;
  for (const u64 place : places) policy.taken_by_worker(SnapshotId{id++}, at(place));
  CHECK(policy.fine_places(places.back(), position, step).empty());
  CHECK(policy.fine_places(position, position, step).empty());
  // Gone elsewhere: those of the old place make room.
  const u64 elsewhere = 300'000'000;
  const std::vector<u64> others = policy.fine_places(from, elsewhere, step);
  for (const u64 place : others) policy.taken_by_worker(SnapshotId{id++}, at(place));
  u64 dropped = 0;
  while (const auto surplus = policy.surplus(at(position), at(elsewhere))) {
    CHECK(static_cast<u64>(*surplus) < 1012);
    policy.remove(*surplus);
    ++dropped;
  }
  CHECK(dropped == places.size() + others.size() - SnapshotPolicy::Limits{}.most_fine);
}
