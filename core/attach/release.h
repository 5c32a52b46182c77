// The program becomes native again (docs/ATTACH.md): the counterpart of adopt.h.
#pragma once
#include "core/base/types.h"

namespace fred {

class GuestEngine;

/// Of an adopted process in live, between instructions and without a session: each of its threads goes on natively, as
/// the program has it, and the engine's memory goes; then `done`, a descriptor of the engine's, is closed. Comes back
/// if the program is about to end; then it ends under the engine.
void release(GuestEngine& engine, i64 done);

}  // namespace fred
