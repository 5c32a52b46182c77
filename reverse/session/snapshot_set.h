// The snapshots of one program, by Time.
#pragma once
#include <vector>

#include "core/control/peer.h"
#include "reverse/session/children.h"

namespace fred {

struct Snapshot {
  Time time;
  Peer peer;
  /// Left by a worker near the position, so that the next way back is short; the others were left by live.
  bool fine = false;
};

class SnapshotSet {
 public:
  explicit SnapshotSet(Children& children) : children_(children) {}
  ~SnapshotSet() { clear(); }
  SnapshotSet(const SnapshotSet&) = delete;
  SnapshotSet& operator=(const SnapshotSet&) = delete;

  /// Makes room for it if there are too many: of the fine ones the one farthest from `s` goes, of live's the one
  /// that is missed least. The first one always stays.
  void add(Snapshot s);
  /// The last one at or before `t`; null if there is none.
  Snapshot* latest_until(const Time& t);
  std::vector<Time> times() const;
  bool empty() const { return all_.empty(); }
  const Snapshot& first() const { return all_.front(); }
  /// One whose process has gone.
  void drop(const Time& t);
  void clear();

 private:
  static constexpr std::size_t most_fine = 24, most_of_live = 48;

  void thin_fine(const Time& around);
  void thin_of_live();
  void remove(std::size_t i);

  Children& children_;
  std::vector<Snapshot> all_;  // ascending
};

}  // namespace fred
