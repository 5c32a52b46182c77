// A guest that writes its own memory through /proc/self/mem.
#pragma once
#include "core/base/types.h"

namespace fred {

class GuestMemory;
class Syscall;

/// The guest opened its memory for writing. Noted in every mode alike; there is no way back, since the
/// descriptor may be passed on.
void note_memory_opened(GuestMemory& memory);
bool memory_was_opened();

/// After a call, if memory_was_opened(): if it wrote memory in that way, translations of the place are
/// dropped and the bytes are an effect of the call. Natively such a write does not ask for protections.
void mirror_memory_writes(Syscall& call, i64 result);

}  // namespace fred
