// The emitted code by which a thread enters and leaves the code cache. Each window has a copy of the
// leaving part, so that blocks reach it with rel32 jumps.
#pragma once
#include "core/base/types.h"

namespace fred {

struct CacheWindow;
struct StateWindow;
class Emitter;

/// Emits exit and miss code at the start of a window and notes where they lie.
void emit_common_code(Emitter& e, CacheWindow& window, const StateWindow& state);

/// The code that enters the cache. One copy per process.
struct EntryCode {
  void (*enter)() = nullptr;  // C calling convention; comes back when the cache is left
  CacheAddr begin, end;       // an asynchronous request that arrives here counts as in the cache
};
EntryCode emit_entry_code(Emitter& e, const CacheWindow& window, StateWindow& state);

}  // namespace fred
