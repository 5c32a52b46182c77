// The instructions of translate/instructions.def that the engine carries out itself.
#pragma once
#include "core/cache/code_cache.h"

namespace fred {

class GuestEngine;

/// What a carried-out instruction did.
struct EffectResult {
  bool done = true;  // false: it faults with the signal below, pc unchanged (int3: pc behind it)
  int signal = 0, code = 0;
  u64 trap_number = 0, error_code = 0;
  GuestAddr fault_address;
};

/// Carries out the instruction at `exit.pc` (not a system call) and moves pc behind it.
EffectResult carry_out(GuestEngine& engine, const Exit& exit);

}  // namespace fred
