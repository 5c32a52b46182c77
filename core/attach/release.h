// The program becomes native again (docs/ATTACH.md): the counterpart of adopt.h.
#pragma once

namespace fred {

class GuestEngine;

/// Of an adopted process in live, between instructions and without a session: each of its threads goes on natively, as
/// the program has it. Comes back if the program is about to end; then it ends under the engine.
void release(GuestEngine& engine);

}  // namespace fred
