#include "core/dispatch/entry_code.h"

#include <asm/prctl.h>
#include <sys/syscall.h>

#include "core/arch/x86/guest_cpu.h"
#include "core/arch/x86/segment_base.h"
#include "core/cache/code_cache.h"
#include "core/translate/emitter.h"

namespace fred {

namespace {
/// AMD's XSAVEOPT loses state of AVX-512 programs (measured on Zen 4): where an image without AVX and with ZMM_Hi256
/// was loaded, as XSAVEOPT itself stores it when all upper halves of ymm are zero, an SSE instruction makes AVX count
/// as in use and yet unchanged, and the bytes that the area holds from earlier are taken for it.
bool may_use_xsaveopt(u64 components) {
  constexpr u64 zmm_hi256 = 1 << 6;
  return (components & zmm_hi256) == 0 || processor_is_intel();
}

constexpr Gpr callee_saved[] = {rbx, rbp, r12, r13, r14, r15};

/// Flags, then every register, rsp last but for those that need no order.
void emit_load_guest(Emitter& e, const StateWindow& state) {
  e.push_slot(window_slot(state.regs.rflags));  // on the engine stack
  e.popfq();
  for (u8 r = 0; r < 16; ++r) e.mov_reg_slot(static_cast<Gpr>(r), window_slot(state.regs.gpr[r]));
}

/// The guest's flags are in the state window: now those that the C ABI wants, DF and AC clear. AC, with which
/// unaligned accesses of ours would fault, is hardly ever set, and popfq is slow.
void emit_engine_flags(Emitter& e, const StateWindow& state) {
  constexpr u8 alignment_check = 4;  // in the third byte
  constexpr i32 clean_flags = 0x202;
  e.cld();
  e.test_slot8(window_slot(state.regs.rflags) + 2, alignment_check);
  const auto clear = e.jz_short();
  e.push_imm32(clean_flags);
  e.popfq();
  Emitter::patch_rel8(clear, e.here());
}

/// FS becomes what the slot holds. Clobbers rax, rcx, rdi, rsi and r11.
void emit_write_fs(Emitter& e, u32 slot) {
  if (uses_fsgsbase()) {
    e.mov_reg_slot(rax, slot);
    e.wrfsbase_rax();
    return;
  }
  e.mov_reg_slot(rsi, slot);
  e.mov_reg_imm64(rdi, ARCH_SET_FS);
  e.mov_reg_imm64(rax, SYS_arch_prctl);
  e.byte(0x0f), e.byte(0x05);  // syscall
}

/// Calls a C function that uses general registers only, so FS and vectors stay the guest's. Guest rcx is saved; the
/// other registers and the flags are saved here. What it returns is in rcx; rsp is the engine's.
void emit_light_call(Emitter& e, const StateWindow& state, u32 handler) {
  for (u8 r = 0; r < 16; ++r) {
    if (r != rcx) e.mov_slot_reg(window_slot(state.regs.gpr[r]), static_cast<Gpr>(r));
  }
  e.mov_reg_slot(rsp, window_slot(state.engine_rsp));
  e.pushfq();
  e.pop_slot(window_slot(state.regs.rflags));
  emit_engine_flags(e, state);
  e.lea_rsp_disp(-8);  // the C ABI wants the stack aligned
  e.call_slot(handler);
  e.mov_reg_reg(rcx, rax);
  e.mov_reg_slot(rsp, window_slot(state.engine_rsp));
}

/// A miss of the inline table: rcx = guest target, guest rcx and rdx in their spill slots, flags the guest's.
void emit_miss_code(Emitter& e, CacheWindow& window, const StateWindow& state) {
  e.align(16);
  window.miss = e.here();
  e.mov_slot_reg(window_slot(state.indirect_target), rcx);
  e.mov_reg_slot(rdx, window_slot(state.spill_rdx));
  e.mov_reg_slot(rcx, window_slot(state.spill_rcx));
  e.mov_slot_reg(window_slot(state.regs.gpr[rcx]), rcx);
  emit_light_call(e, state, window_slot(state.lookup_handler));
  const auto unknown = e.jrcxz();
  e.mov_slot_reg(window_slot(state.entry), rcx);  // the target's indirect entry
  // A request that came meanwhile has the dispatcher take the transfer, and look at it. One that comes from here on
  // sets the counters, one of which the entry counts down.
  e.mov_reg_slot(rcx, window_slot(state.request));
  const auto none = e.jrcxz();
  Emitter::patch_rel8(unknown, e.here());
  e.mov_slot_imm(window_slot(state.exit_id), static_cast<u32>(exit_indirect_miss));
  Emitter::patch_rel32(e.jmp(), window.leave);
  Emitter::patch_rel8(none, e.here());
  emit_load_guest(e, state);
  e.mov_reg_slot(rcx, window_slot(state.indirect_target));  // as at the transfer: the slots still hold rcx and rdx
  e.jmp_slot(window_slot(state.entry));
}

/// The short way out and back: guest rcx is saved, exit_id and entry (where to go on) are set.
void emit_light_code(Emitter& e, CacheWindow& window, const StateWindow& state) {
  e.align(16);
  window.light = e.here();
  emit_light_call(e, state, window_slot(state.light_handler));
  const auto declined = e.jrcxz();
  window.light_check = e.here();  // as in the entering code: a signal from here on sets the counters itself
  e.mov_reg_slot(rcx, window_slot(state.request));
  const auto none = e.jrcxz();
  e.mov_slot_imm(window_slot(state.exit_id), static_cast<u32>(exit_bail));
  Emitter::patch_rel8(declined, e.here());
  Emitter::patch_rel32(e.jmp(), window.leave);  // the registers are in the state window already
  Emitter::patch_rel8(none, e.here());
  emit_load_guest(e, state);
  e.jmp_slot(window_slot(state.entry));
  window.light_end = e.here();
}

}  // namespace

void emit_common_code(Emitter& e, CacheWindow& window, const StateWindow& state) {
  // An indirect transfer leaves: rcx = guest target, guest rcx and rdx in their spill slots, flags the guest's.
  e.align(16);
  window.leave_indirect = e.here();
  e.mov_slot_reg(window_slot(state.indirect_target), rcx);  // the dispatcher looks it up
  e.mov_reg_slot(rdx, window_slot(state.spill_rdx));        // the guest's registers are whole again
  e.mov_reg_slot(rcx, window_slot(state.spill_rcx));
  e.mov_slot_imm(window_slot(state.exit_id), static_cast<u32>(exit_indirect_miss));

  // Leaving: exit_id is set, every register and flag is the guest's.
  window.exit = e.here();
  for (u8 r = 0; r < 16; ++r) e.mov_slot_reg(window_slot(state.regs.gpr[r]), static_cast<Gpr>(r));
  e.mov_reg_slot(rsp, window_slot(state.engine_rsp));  // engine stack, as enter left it
  e.pushfq();
  e.pop_slot(window_slot(state.regs.rflags));
  window.leave = e.here();
  emit_engine_flags(e, state);
  if (uses_fsgsbase()) {
    e.rdfsbase_rax();  // the guest may have changed it with wrfsbase
    e.mov_slot_reg(window_slot(state.regs.fs_base), rax);
  }
  emit_write_fs(e, window_slot(state.engine_fs));
  e.mov_reg_slot(rcx, window_slot(state.vector_area));
  e.mov_reg_slot(rax, window_slot(state.vector_mask));  // edx:eax = components; the upper half is 0
  e.mov_reg_imm64(rdx, 0);
  if (may_use_xsaveopt(state.vector_mask)) {
    e.xsaveopt64_rcx();  // x87, SSE, AVX, AVX-512
  } else {
    e.xsave64_rcx();
  }
  e.vzeroupper();  // no transition penalties in engine code
  e.fninit();      // the C ABI's x87 control word, empty stack
  e.ldmxcsr_slot(window_slot(state.engine_mxcsr));
  for (auto r = std::rbegin(callee_saved); r != std::rend(callee_saved); ++r) e.pop_reg(*r);
  e.ret();
  emit_light_code(e, window, state);
  emit_miss_code(e, window, state);
}

EntryCode emit_entry_code(Emitter& e, const CacheWindow& window, StateWindow& state) {
  EntryCode code;
  e.align(16);
  code.enter = reinterpret_cast<void (*)()>(e.here().value);
  for (const auto r : callee_saved) e.push_reg(r);
  e.mov_slot_reg(window_slot(state.engine_rsp), rsp);
  e.mov_reg_slot(rcx, window_slot(state.vector_area));
  e.mov_reg_slot(rax, window_slot(state.vector_mask));
  e.mov_reg_imm64(rdx, 0);
  e.xrstor64_rcx();
  emit_write_fs(e, window_slot(state.regs.fs_base));
  // From here on a signal that wants a stop sets the counters itself; one that came before is in `request`.
  code.begin = e.here();
  e.mov_reg_slot(rcx, window_slot(state.request));
  const auto none = e.jrcxz();
  const auto waiting = e.jmp();
  Emitter::patch_rel8(none, e.here());
  emit_load_guest(e, state);
  e.jmp_slot(window_slot(state.entry));
  Emitter::patch_rel32(waiting, e.here());
  e.mov_slot_imm(window_slot(state.exit_id), static_cast<u32>(exit_bail));
  emit_load_guest(e, state);  // the leaving code saves the registers again
  Emitter::patch_rel32(e.jmp(), window.exit);
  code.end = e.here();
  return code;
}

}  // namespace fred
