// What conditions hold for when a worker goes over changes that history hides (tip_changes.h): the debugger's own
// changes at one place are one step, from the point before them to the point behind them.
#pragma once
#include <vector>

#include "core/control/condition.h"
#include "core/control/peer.h"
#include "reverse/session/tip_changes.h"

namespace fred {

/// What the watches among the conditions watch, in their order.
using WatchedBytes = std::vector<std::vector<u8>>;

/// As a standing process has it, as far as it is mapped.
Result<WatchedBytes> watched_bytes(Peer& peer, const std::vector<Condition>& conditions);

/// One hit for each watch whose bytes differ. Setting a value is no reading of it: read watches have none.
std::vector<Hit> changed_over(const Span& changes, const std::vector<Condition>& conditions, const WatchedBytes& before,
                              const WatchedBytes& after);

/// What only the point before changes shows of the place where they are made, and there is found at the point behind
/// them: a fault that has been raised, and a system call that has just been made. `worker` stands before.
Result<> note_before_changes(Peer& worker, const Time& behind, const std::vector<Condition>& conditions,
                             std::vector<Note>& notes);

}  // namespace fred
