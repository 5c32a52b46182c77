// Snapshots: forks of live that sleep until a worker is wanted. A snapshot holds none of the guest's
// descriptors, is in a session of its own, and ends when the control socket is closed.
#pragma once
#include "core/control/report.h"
#include "core/dispatch/guest_engine.h"

namespace fred {

enum class SnapshotRole : u8 {
  live,    // in the process that goes on
  worker,  // in a process forked from the snapshot, to re-execute
};

/// Forks a snapshot of the guest as it is now (no thread inside the code cache). The snapshot itself never
/// comes back from this.
SnapshotRole fork_snapshot(GuestEngine& engine, int control_socket);

/// In a worker: re-executes to the end of the log, comparing at every event.
Verification run_worker(GuestEngine& engine, Reporter& report);

}  // namespace fred
