// The indirect entry of a block: where indirect transfers to it arrive.
#include <algorithm>

#include "core/arch/x86/state_window.h"
#include "core/memory/guest_access.h"
#include "core/translate/emitter.h"
#include "core/translate/translator.h"

namespace fred {

namespace {

/// Do the bytes before `pc` look like a call? Then what arrives there is a return, most likely. A wrong answer does no
/// harm: it says which counter counts.
bool behind_call(GuestAddr pc) {
  constexpr u64 longest = 7;
  u8 code[longest];
  if (!guest_read(code, pc - longest, longest)) return false;
  const u8* end = code + longest;
  if (end[-5] == 0xe8) return true;                  // call rel32
  const auto is_indirect_call = [end](int length) {  // ff /2 with a ModRM of such an instruction
    return end[-length] == 0xff && (end[1 - length] & 0x38) == 0x10;
  };
  constexpr int lengths[] = {2, 3, 4, 6, 7};
  return std::any_of(std::begin(lengths), std::end(lengths), is_indirect_call);
}

}  // namespace

CacheAddr Translator::emit_indirect_prologue(Emitter& e, GuestAddr pc, CacheWindow& window) {
  // Arrives with rcx = wanted guest address, guest rcx and rdx in the spill slots, flags the guest's. What is
  // rarely executed comes first, so that the usual way takes one jump only.
  const auto& s = state_;
  const auto stop = e.here();
  e.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  const auto x = cache_.add_exit({.kind = ExitKind::tick_stop, .pc = pc});
  e.mov_slot_imm(window_slot(s.exit_id), static_cast<u32>(x));
  Emitter::patch_rel32(e.jmp(), window.exit);
  const auto other = e.here();
  e.mov_reg_imm64(rdx, pc.value);  // another address with the same low bits: restore it and miss
  e.lea_rcx_rcx_rdx();
  Emitter::patch_rel32(e.jmp(), window.miss);
  e.align(16);
  const auto entry = e.here();
  e.mov_reg_imm64(rdx, 0 - pc.value);
  e.lea_rcx_rcx_rdx();  // 0 if this block was meant
  const auto meant = e.jrcxz();
  Emitter::patch_rel8(e.jmp_short(), other);
  Emitter::patch_rel8(meant, e.here());
  const u32 counter = options_.several_counters && !behind_call(pc) ? indirect_ticks : call_ticks;
  e.count_tick_in_rcx(window_slot(s.clock.left[counter]));  // every indirect transfer ticks
  e.mov_reg_slot(rdx, window_slot(s.spill_rdx));
  Emitter::patch_rel8(e.jrcxz(), stop);
  e.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  return entry;
}

void Translator::make_indirect(Entry& entry) {
  if (!entry.indirect) {
    auto& window = cache_.window_for(entry.pc);
    Emitter e{window.next, window.view};
    e.align(16);
    const auto at = emit_indirect_prologue(e, entry.pc, window);
    Emitter::patch_rel32(e.jmp(), entry.body);
    window.next = e.here();
    entry.indirect = at;
  }
  cache_.publish(entry);
}

}  // namespace fred
