// The short way for indirect transfers whose target the inline table does not know: two live targets with the same low
// bits, mostly. Emitted code calls a function that looks into the table of all entries, with general registers only.
#pragma once
#include "core/cache/code_cache.h"

namespace fred {

/// Prepares it for this process; with `on` false (--no-light) every miss leaves the code cache.
void install_light_lookup(CodeCache& cache, StateWindow& state, bool on);

}  // namespace fred
