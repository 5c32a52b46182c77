// The snapshots of one program, by Time; which of them stay is decided by the policy (ckpt/snapshot/policy.h).
#pragma once
#include <vector>

#include "ckpt/snapshot/policy.h"
#include "core/control/peer.h"
#include "reverse/session/children.h"

namespace fred {

/// A process could not be made for want of processes, memory or descriptors: with fewer snapshots it could.
bool is_no_room(const Error& error);

class SnapshotSet {
 public:
  using Duration = SnapshotPolicy::Duration;

  explicit SnapshotSet(Children& children) : children_(children) {}
  ~SnapshotSet() { clear(); }
  SnapshotSet(const SnapshotSet&) = delete;
  SnapshotSet& operator=(const SnapshotSet&) = delete;

  struct Snapshot {
    SnapshotId id{};
    Time time;
    Peer peer;
  };

  /// One of live, which stands or runs on from there.
  void add(const Time& time, Peer peer, Duration run_time, Duration fork_cost);
  /// One that a worker has left on its way to `position`.
  void add_fine(const Time& time, Peer peer, const Time& tip, const Time& position);
  /// Since live's last snapshot copying pages has cost so much, and so much memory.
  void note_copying(Duration cost, u64 bytes);

  /// Live's next one could not be taken.
  void not_taken(Duration run_time) { policy_.not_taken(run_time); }
  /// There is no room for another process: fewer are kept from now on. False: nothing could be dropped.
  bool no_room(const Time& tip, const Time& position);

  /// The last one at or before `t`; null if there is none.
  Snapshot* latest_until(const Time& t);
  std::vector<Time> times() const;
  const Time& first() const { return all_.front().time; }
  /// One whose process has gone.
  void drop(const Time& t);
  void clear();
  const SnapshotPolicy& policy() const { return policy_; }

 private:
  /// Null: there is one at this Time already.
  const Snapshot* insert(const Time& time, Peer peer);
  void thin(const Time& tip, const Time& position);

  Children& children_;
  SnapshotPolicy policy_;
  std::vector<Snapshot> all_;  // ascending
  u64 last_id_ = 0;
  SnapshotId last_of_live_{};
  Duration copying_{};
};

}  // namespace fred
