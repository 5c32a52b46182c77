// Which snapshots to take and which to drop: decisions only, from numbers. It knows no process, so it is tested by
// simulation.
//
// - *When*: a snapshot's whole cost is the fork and the copy-on-write faults after it, which are known only later. The
//   next one is due when the program has run for 1/budget times the full cost of the last, and never sooner than after
//   `min_interval`; so the sum of costs stays below the budget whatever a single snapshot costs.
// - *Which to drop*: going back by d costs re-execution of about the gap there, so a gap may be as large as its
// distance
//   from now, times a constant: dense near now, exponentially thinner with distance. When there are too many, the one
//   goes whose absence makes the smallest gap relative to its distance. With n snapshots over a history of length T the
//   gaps grow by a factor (T / first gap)^(1/n): 64 snapshots keep them within a third of their distance from
//   10 ms to 10^6 s.
// - *No room*: where a process or memory for one could not be had, a quarter of them goes, and so few are kept from
// then
//   on; each failure in a row doubles the time until the next attempt.
// - *Workers'*: re-execution in the past leaves snapshots of its own near the place that was gone to, closer and closer
//   to it, so that the next step back starts from one just before it.
#pragma once
#include <chrono>
#include <optional>
#include <vector>

#include "core/base/types.h"

namespace fred {

enum class SnapshotId : u64 {};

class SnapshotPolicy {
 public:
  using Duration = std::chrono::nanoseconds;

  struct Limits {
    double budget = 0.03;            // of the program's run time
    std::size_t most = 64;           // snapshots of live; a dormant process each
    std::size_t most_fine = 12;      // of workers, beside those
    u64 most_memory = u64{1} << 30;  // bytes that snapshots hold beside the program
    Duration min_interval = std::chrono::milliseconds(10);
  };

  SnapshotPolicy() = default;
  explicit SnapshotPolicy(const Limits& limits) : limits_(limits) {}

  // Taking. Live's run time is the time that the program was executing, whoever waited. ------------------------

  /// Is one due, after so much run time in total?
  bool due(Duration run_time) const;
  /// A snapshot was taken there, by a fork that cost this much.
  void taken(SnapshotId id, const Time& at, Duration run_time, Duration fork_cost);
  /// The one that was due could not be taken.
  void not_taken(Duration run_time);
  /// There is no room for another process: a quarter of them is surplus, now and from now on.
  void no_room();
  /// Copying pages for the last snapshot has cost so much more.
  void copying_cost(Duration more);
  /// A worker left a snapshot in the past.
  void taken_by_worker(SnapshotId id, const Time& at);
  /// What it holds beside the program, in bytes; changes as the program runs on.
  void set_memory(SnapshotId id, u64 bytes);
  /// It is gone: dropped, or its process has died.
  void remove(SnapshotId id);

  // Dropping. --------------------------------------------------------------------------------------------

  /// The next one to drop while there are too many or they hold too much; the first of history never goes. Workers'
  /// snapshots go before live's, those farthest from `position` first.
  std::optional<SnapshotId> surplus(const Time& tip, const Time& position) const;

  // Fine snapshots. ---------------------------------------------------------------------------------------

  /// Where a worker on its way from a snapshot at `from` to `position` should leave snapshots, in ticks, ascending:
  /// halving the distance to `position` each time, the last at most `step` ticks before it. Places that a snapshot is
  /// near enough to already are left out.
  std::vector<u64> fine_places(u64 from, u64 position, u64 step) const;

  Duration cost() const { return cost_; }  // of all snapshots of live so far
  u64 memory() const;

 private:
  struct Snapshot {
    SnapshotId id{};
    Time at;
    u64 memory = 0;
    bool fine = false;
  };
  std::optional<SnapshotId> thinnest(const Time& tip) const;
  std::optional<SnapshotId> farthest_fine(const Time& position) const;

  Limits limits_;
  std::vector<Snapshot> snapshots_;     // ascending
  std::size_t room_ = ~std::size_t{0};  // so many in all
  Duration last_taken_{}, last_cost_{}, cost_{};
  bool any_taken_ = false;
};

}  // namespace fred
