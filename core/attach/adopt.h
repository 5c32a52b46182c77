// Takes over the program that runs in this process already (docs/ATTACH.md), instead of loading one.
#pragma once
#include "core/attach/adopted_state.h"

namespace fred {

class GuestEngine;

/// What can fail for reasons of the outside world comes first and changes nothing of the program. The engine has no
/// guest; dispositions have been read (GuestSignals::adopt_actions) and the engine's handlers of faults installed.
/// Where the program's other threads are to enter the engine.
Result<std::vector<ThreadEntry>> adopt(GuestEngine& engine, const AdoptedState& state);

}  // namespace fred
