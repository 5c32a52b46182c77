// Snapshots: forks of live, or of a worker, that sleep until a worker is wanted. A snapshot holds none of
// the guest's descriptors and is in a session of its own. Snapshots and workers are children of the session's
// process, and end when that ends or when the session closes their control socket.
#pragma once
#include <sys/types.h>

#include <functional>

#include "core/dispatch/guest_engine.h"

namespace fred {

/// Forks a snapshot of the guest as it is now (no thread inside the code cache); what it and its workers do
/// never comes back from this. `control` is the engine's end of its socket: the caller still closes its own copy.
/// `control_of_parent` is this process's own socket, which the snapshot does not keep. An Error if memory or
/// processes are short.
Result<pid_t> fork_snapshot(GuestEngine& engine, int control, int control_of_parent);

/// Serves the session as a worker; `engine` replays.
/// `from_log`: from the begin of an executed process's log, in an engine that has no guest yet.
[[noreturn]] void be_worker(GuestEngine& engine, int control, const std::function<Result<>()>& from_log = nullptr);

}  // namespace fred
