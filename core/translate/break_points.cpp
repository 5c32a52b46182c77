#include "core/translate/break_points.h"

#include <algorithm>

#include "core/translate/emitter.h"

namespace fred {

namespace {

constexpr u8 spilled_rcx = 1 + rcx;
constexpr std::size_t most_inline = 32;  // points at one instruction; what is emitted for a block is limited

void emit_leave(const BreakPoints::Block& b, GuestAddr pc) {
  const auto x = b.cache.add_exit({.kind = ExitKind::stop, .pc = pc, .block = b.id});
  b.emitter.mov_slot_imm(window_slot(b.state.exit_id), static_cast<u32>(x));
  Emitter::patch_rel32(b.emitter.jmp(), b.window.exit);
}

/// rcx is spilled. No flag is touched.
void emit_note(const BreakPoints::Block& b, GuestAddr pc, const NoteSlot& note) {
  auto& e = b.emitter;
  e.mov_rcx_low(low_address(note.count));
  e.lea_rcx_plus_one();
  e.mov_low_rcx(low_address(note.count));
  // The parts of the clock belong together: a signal handler that changes them in between has this begin anew.
  b.cache.add_segment(b.id, e.here(), pc, spilled_rcx, SegmentKind::whole);
  e.mov_reg_slot(rcx, window_slot(b.state.clock.total));
  e.mov_low_rcx(low_address(note.total));
  for (u32 counter = 0; counter < tick_counter_count; ++counter) {
    e.mov_reg_slot(rcx, window_slot(b.state.clock.left[counter]));
    e.mov_low_rcx(low_address(note.left[counter]));
  }
  b.cache.add_segment(b.id, e.here(), pc, spilled_rcx);
}

}  // namespace

bool BreakPoints::leaves(GuestAddr pc, u64 rsp) const {
  const auto found = points_.find(pc.value);
  if (found == points_.end()) return false;
  return std::ranges::any_of(
      found->second, [&](const BreakPoint& p) { return p.note == nullptr && p.stack_pointer.value_or(rsp) == rsp; });
}

void BreakPoints::set(GuestAddr pc, std::vector<BreakPoint> points) {
  if (points.empty()) {
    points_.erase(pc.value);
  } else {
    points_[pc.value] = std::move(points);
  }
}

bool BreakPoints::emit(const Block& b, GuestAddr pc) const {
  const auto& points = points_.at(pc.value);
  auto& e = b.emitter;
  const auto always = [](const BreakPoint& p) { return p.note == nullptr && !p.stack_pointer; };
  if (points.size() > most_inline || std::any_of(points.begin(), points.end(), always)) {
    emit_leave(b, pc);
    return true;
  }
  const u32 spill = window_slot(b.state.spill_rcx);
  b.cache.add_segment(b.id, e.here(), pc);
  e.mov_slot_reg(spill, rcx);
  b.cache.add_segment(b.id, e.here(), pc, spilled_rcx);
  for (const auto& p : points) {
    CacheAddr other;
    if (p.stack_pointer) {
      e.mov_reg_imm64(rcx, 0 - *p.stack_pointer);
      e.lea_rcx_rsp_rcx();  // 0 if rsp is what was wanted
      const auto same = e.jrcxz();
      other = e.jmp_short();
      Emitter::patch_rel8(same, e.here());
    }
    if (p.note != nullptr) {
      emit_note(b, pc, *p.note);
    } else {
      e.mov_reg_slot(rcx, spill);
      emit_leave(b, pc);
    }
    if (other) Emitter::patch_rel8(other, e.here());
  }
  e.mov_reg_slot(rcx, spill);
  b.cache.add_segment(b.id, e.here(), pc);
  return false;
}

}  // namespace fred
