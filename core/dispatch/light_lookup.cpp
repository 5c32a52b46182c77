// Built with -mgeneral-regs-only and without calls: the guest's vector registers and FS are in place.
#include "core/dispatch/light_lookup.h"

namespace fred {

namespace {

CodeCache* g_cache = nullptr;
StateWindow* g_window = nullptr;

// Called by translated code with the guest's registers in the state window and the target in indirect_target. The
// target's indirect entry, or 0 to leave.
u64 look_up() {
  const u64 at = g_cache->find_indirect(GuestAddr{g_window->indirect_target}).value;
  if (at != 0) ++g_window->light_lookups;
  return at;
}
u64 decline() { return 0; }

}  // namespace

void install_light_lookup(CodeCache& cache, StateWindow& state, bool on) {
  g_cache = &cache;
  g_window = &state;
  state.lookup_handler = reinterpret_cast<u64>(on ? &look_up : &decline);
}

}  // namespace fred
