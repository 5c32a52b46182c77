#include "core/translate/watch_code.h"

#include <algorithm>

#include "core/arch/x86/segment_base.h"
#include "core/dispatch/watch_check.h"
#include "core/translate/emitter.h"

namespace fred {

namespace {

/// rcx = base + index * scale + displacement, of the guest's registers.
void emit_lea(Emitter& e, const Access& a) {
  constexpr u8 no_index = 4, no_base = 5, sib_follows = 4, displacement_32 = 0x80;
  const u8 base = a.base.value_or(rax), index = a.index.value_or(rax);
  if (a.narrow) e.byte(0x67);
  e.byte(static_cast<u8>(0x48 | (a.index && index >= 8 ? 2 : 0) | (a.base && base >= 8 ? 1 : 0)));
  e.byte(0x8d);
  const u8 scale = a.scale == 8 ? 3 : a.scale == 4 ? 2 : a.scale == 2 ? 1 : 0;
  e.byte(static_cast<u8>((a.base ? displacement_32 : 0) | rcx << 3 | sib_follows));
  e.byte(static_cast<u8>(scale << 6 | (a.index ? index & 7 : no_index) << 3 | (a.base ? base & 7 : no_base)));
  e.imm32(static_cast<u32>(a.displacement));
}

u8 repeated_flags(const WatchPlan& plan) {
  u8 flags = access_repeated;
  for (const auto& a : plan.accesses) {
    if (a.base == rdi) flags |= access_at_rdi;
    if (a.base == rsi) flags |= access_at_rsi;
    if (a.writes) flags |= access_writes;
    if (a.reads) flags |= access_reads;
  }
  return flags;
}

}  // namespace

WatchPlan plan_watch(const Instruction& i, std::span<const u8> code, const Watching& watching, bool light) {
  WatchPlan plan;
  if (i.flow == Flow::effect) return plan;  // the engine carries those out and compares
  const auto found = accesses_of(i, code);
  for (const auto& a : found.all()) {
    if ((a.writes && watching.stores) || (a.reads && watching.loads)) plan.accesses.push_back(a);
  }
  const auto needs_base = [](const Access& a) { return a.segment != Access::Segment::flat; };
  const bool unreadable_base = !uses_fsgsbase() && std::any_of(plan.accesses.begin(), plan.accesses.end(), needs_base);
  const u16 registers = watching.registers != 0 ? written_registers(i, code) & watching.registers : 0;
  if (found.other || unreadable_base || (registers != 0 && (!light || i.flow != Flow::next || i.repeated))) {
    plan.way = WatchPlan::Way::step;
    return plan;
  }
  for (u8 r = 0; r < 16; ++r) {
    if ((registers >> r & 1) != 0) plan.registers.push_back(static_cast<Gpr>(r));
  }
  if (plan.accesses.empty()) {
    plan.way = WatchPlan::Way::none;
  } else if (i.repeated) {
    const bool segment = plan.accesses[0].segment != Access::Segment::flat || plan.accesses[0].narrow;
    plan.way = segment || !light ? WatchPlan::Way::step : WatchPlan::Way::call;
    plan.flags = repeated_flags(plan);
    plan.size = plan.accesses[0].size;
  } else {
    const bool single = plan.accesses.size() == 1 && i.flow == Flow::next;
    plan.way = single ? WatchPlan::Way::behind : WatchPlan::Way::before;
  }
  return plan;
}

void WatchCode::address(const Access& a) {
  if (a.absolute) {
    e_.mov_reg_imm64(rcx, *a.absolute);
  } else {
    emit_lea(e_, a);
  }
  if (a.segment == Access::Segment::flat) return;
  e_.mov_slot_reg(window_slot(state_.spill_rdx), rdx);
  if (a.segment == Access::Segment::fs) {
    e_.rdfsbase_rdx();
  } else {
    e_.rdgsbase_rdx();
  }
  e_.lea_rcx_rcx_rdx();
  e_.mov_reg_slot(rdx, window_slot(state_.spill_rdx));
}

CacheAddr WatchCode::check(const Access& a, const u8& table, u8 first_bit) {
  e_.mov_slot_reg(window_slot(state_.spill_rcx), rcx);
  address(a);
  if (bmi2_) {
    e_.rorx_rcx_rcx(first_bit);
    e_.movzx_ecx_cx();
  } else {
    const u32 at = window_slot(state_.access_address);
    e_.mov_slot_reg(at, rcx);
    e_.movzx_ecx_slot16(at + first_bit / 8);
  }
  e_.movzx_ecx_table8_rcx(low_address(table));
  const auto over = e_.jrcxz();
  const auto cold = e_.jmp();
  Emitter::patch_rel8(over, e_.here());
  e_.mov_reg_slot(rcx, window_slot(state_.spill_rcx));
  return cold;
}

CacheAddr WatchCode::check(Gpr gpr) {
  e_.mov_slot_reg(window_slot(state_.spill_rcx), rcx);
  const u32 minus_known = window_slot(state_.minus_known[gpr]);
  if (gpr == rcx) {
    e_.mov_slot_reg(window_slot(state_.spill_rdx), rdx);
    e_.mov_reg_slot(rdx, minus_known);
    e_.lea_rcx_rcx_rdx();
    e_.mov_reg_slot(rdx, window_slot(state_.spill_rdx));
  } else {
    e_.mov_reg_slot(rcx, minus_known);
    Access sum;  // as an address
    sum.base = gpr;
    sum.index = rcx;
    emit_lea(e_, sum);
  }
  const auto over = e_.jrcxz();  // 0: it has its known value
  const auto cold = e_.jmp();
  Emitter::patch_rel8(over, e_.here());
  e_.mov_reg_slot(rcx, window_slot(state_.spill_rcx));
  return cold;
}

void WatchCode::begin_cold(CacheAddr hole) {
  Emitter::patch_rel32(hole, e_.here());
  e_.mov_reg_slot(rcx, window_slot(state_.spill_rcx));
}

void WatchCode::begin_cold(CacheAddr hole, const Access& a) {
  Emitter::patch_rel32(hole, e_.here());
  e_.mov_reg_slot(rcx, window_slot(state_.spill_rcx));
  address(a);
  e_.mov_slot_reg(window_slot(state_.access_address), rcx);
  e_.mov_reg_slot(rcx, window_slot(state_.spill_rcx));
}

void WatchCode::call(const Instruction& i, u8 flags, u32 size, CacheAddr resume) {
  const auto x = cache_.add_exit({.kind = ExitKind::watch,
                                  .length = i.length,
                                  .access = flags,
                                  .access_size = static_cast<u16>(size),
                                  .pc = i.pc});
  e_.mov_slot_reg(window_slot(state_.regs.gpr[rcx]), rcx);  // rcx is needed; the common code saves the others
  const auto behind = e_.lea_rcx_rip();
  e_.mov_slot_reg(window_slot(state_.entry), rcx);  // where to go on
  e_.mov_slot_imm(window_slot(state_.exit_id), static_cast<u32>(x));
  Emitter::patch_rel32(e_.jmp(), window_.light);
  Emitter::patch_rel32(behind, resume ? resume : e_.here());
}

}  // namespace fred
