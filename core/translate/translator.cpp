#include "core/translate/translator.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "core/arch/x86/segment_base.h"
#include "core/arch/x86/state_window.h"
#include "core/base/check.h"
#include "core/base/log.h"
#include "core/dispatch/watch_check.h"
#include "core/translate/emitter.h"
#include "core/translate/leaf.h"
#include "core/translate/quick_decoder.h"
#include "core/translate/translation_unit.h"

namespace fred {

namespace {
constexpr u32 max_instructions = 64;
constexpr u32 max_branches = 6;

bool is_pause(std::span<const u8> code) { return code.size() == 2 && code[0] == 0xf3 && code[1] == 0x90; }
}  // namespace

ExitId Translator::Unit::new_exit(Exit exit) {
  if (!stepping_) return t_.cache_.add_exit(exit);
  return t_.cache_.set_stepping_exit(stepping_exits_++, exit);
}

bool Translator::Unit::touch(u64 page) {
  if (std::find(pages.begin(), pages.end(), page) != pages.end()) return true;
  if (!t_.source_.fetchable(page)) return false;
  pages.push_back(page);
  if (t_.source_.checked(page)) checked = true;
  return true;
}

Decoded Translator::Unit::decode_at(GuestAddr pc, u64 bytes, Instruction& out) const {
  const std::span code{pc.ptr<const u8>(), bytes};
  const bool quick = t_.options_.quick_decoder && bytes == max_instruction_length && !watching() && !stepping_;
  if (quick && quick_decode(pc, code, out)) return Decoded::instruction;
  return decode(pc, code, out);
}

bool Translator::Unit::fetch(GuestAddr pc, Instruction& out) {
  if (!touch(page_floor(pc.value))) return false;
  const u64 in_page = page_size - pc.value % page_size;
  auto decoded = decode_at(pc, std::min(in_page, max_instruction_length), out);
  if (decoded == Decoded::cut_off && in_page < max_instruction_length) {
    if (!touch(page_floor(pc.value) + page_size)) return false;
    decoded = decode_at(pc, max_instruction_length, out);
  }
  return decoded == Decoded::instruction;
}

void Translator::Unit::run(BlockId id, u32 limit) {
  id_ = id;
  Instruction i;
  while (!ended_) {
    segment(pc_);
    const bool fetchable = touch(page_floor(pc_.value));
    if (fetchable && !stepping_ && break_here()) break;  // even before what is no instruction
    if (!fetchable || !fetch(pc_, i)) {
      leave({.kind = ExitKind::fetch_fault, .pc = pc_, .block = id_});
      break;
    }
    const std::span code{pc_.ptr<const u8>(), i.length};
    if (watching()) {
      watched(i, code);
    } else {
      instruction(i, code);
    }
    ++instructions;
    source_end = i.next();
    pc_ = i.next();
    if (ended_) break;
    const bool full = instructions >= limit || branches_ >= max_branches ||
                      (i.flow != Flow::next && (t_.options_.single_block || stepping_)) ||
                      (checked && writes_memory(i, code));
    if (full) {
      edge(pc_, {});
      ended_ = true;
    } else if (i.flow != Flow::next) {  // behind a conditional branch: an entry of its own
      if (t_.cache_.find(pc_) != nullptr || checked) {
        edge(pc_, {});
        ended_ = true;
      } else {
        t_.cache_.add_entry(pc_, e_.here(), id_);
      }
    }
  }
}

bool Translator::Unit::break_here() {
  if (!t_.has_break(pc_)) return false;
  if (t_.breaks_.contains(pc_.value)) {
    leave({.kind = ExitKind::stop, .pc = pc_, .block = id_});
  } else {
    ended_ = t_.break_points_.emit({e_, t_.cache_, id_, window_, t_.state_}, pc_);
  }
  return ended_;
}

void Translator::Unit::instruction(const Instruction& i, std::span<const u8> code) {
  switch (i.flow) {
    case Flow::next:
      copy(i, code);
      return;
    case Flow::branch: {
      ++branches_;
      if (i.target > i.pc) {  // forward: no tick
        const auto hole = e_.jcc(i.condition);
        const auto x = new_exit({.kind = ExitKind::direct, .pc = i.target, .hole = hole});
        stubs_.push_back({hole, x});
        direct.push_back(x);
      } else {
        const auto over = e_.jcc(i.condition ^ 1);
        edge(i.target, loop_counter(i));
        Emitter::patch_rel32(over, e_.here());
      }
      return;
    }
    case Flow::loop: {
      ++branches_;
      // The prefixes (67 makes it ecx) and the opcode as they are, with our own displacement.
      e_.bytes(code.first(code.size() - 1));
      e_.byte(0);
      const CacheAddr taken{e_.here().value - 1};
      const auto over = e_.jmp();
      Emitter::patch_rel8(taken, e_.here());
      edge(i.target, loop_counter(i));
      Emitter::patch_rel32(over, e_.here());
      return;
    }
    case Flow::jump:
      edge(i.target, loop_counter(i));
      ended_ = true;
      return;
    case Flow::call:
      push_return_address(i.next());
      if (const auto leaf = leaf_of(i); !leaf.empty()) return run_through(i, leaf);
      edge(i.target, i.target <= i.pc ? std::optional(call_ticks) : std::nullopt);
      ended_ = true;
      return;
    case Flow::indirect_jump:
    case Flow::indirect_call:
      load_indirect_target(i, code);
      if (i.flow == Flow::indirect_call) {
        segment(i.pc, 1 + rcx);
        push_return_address(i.next());
      }
      lookup();
      return;
    case Flow::ret:
      e_.mov_slot_reg(window_slot(t_.state_.spill_rcx), rcx);  // rcx carries the target
      e_.pop_reg(rcx);                                         // faults as the guest's ret would
      if (code.size() > i.raw.raw.prefix_count + 1u) {         // ret imm16
        e_.lea_rsp_disp(static_cast<u16>(i.raw.raw.imm[0].value.u));
      }
      lookup();
      return;
    case Flow::effect:
      if (light(i)) return;
      leave({.kind = ExitKind::effect, .effect = i.effect, .length = i.length, .pc = i.pc});
      return;
  }
}

void Translator::Unit::copy(const Instruction& i, std::span<const u8> code) {
  if (i.repeated) {
    e_.mov_slot_reg(window_slot(t_.state_.rep_start), rcx);  // Time::rest counts from here
    segment(i.pc, 0, SegmentKind::repeated);
  }
  if (!i.rip_relative) {
    e_.bytes(code);
    if (is_pause(code)) count_pause(i.next());
    return;
  }
  const i64 displacement = static_cast<i64>(i.target.value - (e_.here().value + i.length));
  if (displacement != static_cast<i32>(displacement) || i.raw.address_width == 32) {
    copy_far_operand(i, code);
    return;
  }
  const auto at = e_.here();
  e_.bytes(code);
  const i32 d = static_cast<i32>(displacement);
  std::memcpy((at + i.raw.raw.disp.offset).ptr(), &d, 4);
}

void Translator::Unit::count_pause(GuestAddr next) {
  if (!t_.options_.hints || stepping_) return;
  const auto& s = t_.state_;
  e_.mov_slot_reg(window_slot(s.spill_rcx), rcx);  // the number goes through rcx: no flag is touched
  segment(next, 1 + rcx);
  e_.mov_reg_slot(rcx, window_slot(s.pauses_left));
  e_.lea_rcx_minus_one();
  e_.mov_slot_reg(window_slot(s.pauses_left), rcx);
  leave_at_zero({.kind = ExitKind::spins, .pc = next});
}

void Translator::Unit::copy_far_operand(const Instruction& i, std::span<const u8> code) {
  // A register that the instruction does not name holds the operand's address for its time. Only those
  // that need neither REX.B nor a SIB byte as a base.
  const auto operands = decode_operands(i, code);
  u32 used = 0;
  for (const auto& o : operands.all()) {
    if (o.type != ZYDIS_OPERAND_TYPE_REGISTER) continue;
    const auto full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, o.reg.value);
    if (full >= ZYDIS_REGISTER_RAX && full <= ZYDIS_REGISTER_R15) used |= 1u << (full - ZYDIS_REGISTER_RAX);
  }
  constexpr Gpr candidates[] = {rcx, rdx, rbx, rsi, rdi, rax};
  const auto free =
      std::find_if(std::begin(candidates), std::end(candidates), [&](Gpr r) { return (used & 1u << r) == 0; });
  FRED_CHECK(free != std::end(candidates), "no free register for the operand at {:#x}", i.pc.value);
  const auto slot = window_slot(t_.state_.spill_rcx);
  e_.mov_slot_reg(slot, *free);
  e_.mov_reg_imm64(*free, i.target.value);
  segment(i.pc, static_cast<u8>(1 + *free));
  // The same instruction with [reg] in place of [rip+disp32]: ModRM changes, the displacement goes.
  u8 patched[max_instruction_length];
  std::copy(code.begin(), code.end(), patched);
  patched[i.raw.raw.modrm.offset] = static_cast<u8>((patched[i.raw.raw.modrm.offset] & 0x38) | *free);
  const u64 before = i.raw.raw.disp.offset;
  e_.bytes({patched, before});
  e_.bytes({patched + before + 4, code.size() - before - 4});
  segment(i.next(), static_cast<u8>(1 + *free));
  e_.mov_reg_slot(*free, slot);
}

/// Which counter counts a branch or jump; none: it goes upwards. Neighbours take different ones (tick_counters.h).
std::optional<u32> Translator::Unit::loop_counter(const Instruction& i) {
  if (i.target > i.pc) return std::nullopt;
  if (!t_.options_.several_counters) return call_ticks;
  t_.loop_ticks_ = t_.loop_ticks_ + 1 < tick_counter_count ? t_.loop_ticks_ + 1 : first_loop_ticks;
  return t_.loop_ticks_;
}

/// The transfer to `target`, which takes a tick of that counter.
void Translator::Unit::edge(GuestAddr target, std::optional<u32> counter) {
  const Exit exit{.kind = ExitKind::direct, .pc = target};
  if (!counter) {
    const auto hole = e_.jmp();
    const auto x = new_exit(exit);
    t_.cache_.exit(x).hole = hole;
    stubs_.push_back({hole, x});
    direct.push_back(x);
    return;
  }
  const auto& s = t_.state_;
  e_.mov_slot_reg(window_slot(s.spill_rcx), rcx);  // the counter goes through rcx: no flag is touched
  e_.count_tick_in_rcx(window_slot(s.clock.left[*counter]));
  const auto out = e_.jrcxz();  // the stop: exactly at zero
  e_.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  const auto hole = e_.jmp();
  const auto x = new_exit(exit);
  t_.cache_.exit(x).hole = hole;
  direct.push_back(x);
  Emitter::patch_rel8(out, e_.here());
  e_.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  t_.cache_.exit(x).stub = e_.here();
  Emitter::patch_rel32(hole, e_.here());
  e_.mov_slot_imm(window_slot(s.exit_id), static_cast<u32>(x));
  Emitter::patch_rel32(e_.jmp(), window_.exit);
}

void Translator::Unit::push_return_address(GuestAddr pc) {
  if (pc.value <= 0x7fffffff) {
    e_.push_imm32(static_cast<i32>(pc.value));
  } else {
    constants_.push_back({e_.push_rip(), pc.value});
  }
}

void Translator::Unit::load_indirect_target(const Instruction& i, std::span<const u8> code) {
  e_.mov_slot_reg(window_slot(t_.state_.spill_rcx), rcx);
  const auto& raw = i.raw.raw;
  // mov rcx, <the operand>: same ModRM, SIB and displacement with 8B /r; fs and gs prefixes stay.
  if (i.rip_relative) {
    const i64 displacement = static_cast<i64>(i.target.value - (e_.here().value + 7));
    if (displacement != static_cast<i32>(displacement) || i.raw.address_width == 32) {
      e_.mov_reg_imm64(rcx, i.target.value);
      segment(i.pc, 1 + rcx);
      e_.mov_reg_mem(rcx, rcx, 0);
      return;
    }
    e_.byte(0x48), e_.byte(0x8b), e_.byte(0x0d), e_.imm32(static_cast<u32>(displacement));
    return;
  }
  if ((i.raw.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS) != 0) e_.byte(0x64);
  if ((i.raw.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS) != 0) e_.byte(0x65);
  if (i.raw.address_width == 32) e_.byte(0x67);
  e_.byte(static_cast<u8>(0x48 | (raw.rex.X != 0 ? 2 : 0) | (raw.rex.B != 0 ? 1 : 0)));
  e_.byte(0x8b);
  e_.byte(static_cast<u8>((raw.modrm.mod << 6) | rcx << 3 | raw.modrm.rm));
  e_.bytes(code.subspan(raw.modrm.offset + 1u));
}

std::span<const Instruction> Translator::Unit::leaf_of(const Instruction& call) {
  const auto& o = t_.options_;
  if (!o.traces || !o.link || o.single_block || stepping_ || checked || watching()) return {};
  const u64 distance = call.target > call.pc ? call.target - call.pc : call.pc - call.target;
  constexpr u64 farthest = u64{1} << 30;  // Segment::guest has 32 bits
  if (distance > farthest || instructions + longest_leaf > max_instructions) return {};
  bool first = true;
  const u64 page = page_floor(call.target.value);
  const auto leaf = t_.leaves_.at(call.target, [&](GuestAddr pc, Instruction& i) {
    if (pc.value + max_instruction_length > page + page_size) return false;  // keep to one page
    if (t_.has_break(pc)) return false;
    if (std::exchange(first, false)) {
      if (!t_.source_.fetchable(page) || t_.source_.checked(page)) return false;
      // Most functions are none, and are told without decoding: so many bytes without a ret.
      constexpr u8 ret = 0xc3;
      constexpr u64 most_bytes = 80;
      if (std::memchr(pc.ptr(), ret, std::min(most_bytes, page + page_size - pc.value)) == nullptr) return false;
    }
    return decode_at(pc, max_instruction_length, i) == Decoded::instruction;
  });
  if (!leaf.empty()) touch(page);
  return leaf;
}

void Translator::Unit::tick_in_line(GuestAddr next, Gpr also_spilled) {
  const auto& s = t_.state_;
  e_.count_tick_in_rcx(window_slot(s.clock.left[call_ticks]));
  if (also_spilled == rdx) e_.mov_reg_slot(rdx, window_slot(s.spill_rdx));
  leave_at_zero({.kind = ExitKind::tick_stop, .pc = next});  // the stop: exactly at zero
}

void Translator::Unit::leave_at_zero(const Exit& exit) {
  const auto& s = t_.state_;
  const auto out = e_.jrcxz();
  e_.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  const auto over = e_.jmp_short();
  Emitter::patch_rel8(out, e_.here());
  e_.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  e_.mov_slot_imm(window_slot(s.exit_id), static_cast<u32>(new_exit(exit)));
  Emitter::patch_rel32(e_.jmp(), window_.exit);
  Emitter::patch_rel8(over, e_.here());
}

void Translator::Unit::run_through(const Instruction& call, std::span<const Instruction> leaf) {
  const auto& s = t_.state_;
  ++branches_;
  if (call.target <= call.pc) {
    e_.mov_slot_reg(window_slot(s.spill_rcx), rcx);
    tick_in_line(call.target, rcx);
  }
  for (const auto& i : leaf) {
    segment(i.pc);
    ++instructions;
    if (i.flow == Flow::next) copy(i, {i.pc.ptr<const u8>(), i.length});
  }
  const GuestAddr expected = call.next();
  e_.mov_slot_reg(window_slot(s.spill_rcx), rcx);
  e_.pop_reg(rcx);  // faults as the guest's ret would
  e_.mov_slot_reg(window_slot(s.spill_rdx), rdx);
  e_.mov_reg_imm64(rdx, 0 - expected.value);
  e_.lea_rcx_rcx_rdx();  // 0 if the function returns to its call
  const auto as_expected = e_.jrcxz();
  e_.mov_reg_imm64(rdx, expected.value);
  e_.lea_rcx_rcx_rdx();  // the address as it was
  look_up_spilled();
  Emitter::patch_rel8(as_expected, e_.here());
  tick_in_line(expected, rdx);
}

void Translator::Unit::lookup() {
  ended_ = true;
  e_.mov_slot_reg(window_slot(t_.state_.spill_rdx), rdx);
  look_up_spilled();
}

void Translator::Unit::look_up_spilled() {
  const auto& s = t_.state_;
  if (!t_.options_.inline_lookup || stepping_) {
    Emitter::patch_rel32(e_.jmp(), window_.leave_indirect);
    return;
  }
  e_.movzx_edx_cx();                                   // the table's index: the low 16 bits
  e_.jmp_table_rdx(low_address(s.indirect_table[0]));  // the entry there verifies, counts and restores
}

void Translator::Unit::leave(Exit exit) {
  e_.mov_slot_imm(window_slot(t_.state_.exit_id), static_cast<u32>(new_exit(exit)));
  Emitter::patch_rel32(e_.jmp(), window_.exit);
  ended_ = true;
}

bool Translator::Unit::light(const Instruction& i) {
  // Where memory is watched, what a clock function writes is looked at by the engine.
  const bool clock = i.effect == Effect::syscall && !watching() && t_.source_.light_syscall(i.pc);
  const bool counter = i.effect == Effect::rdtsc && (!watching() || t_.watching_.registers == 0);
  const bool may = counter || clock;
  if (!may || stepping_ || !t_.options_.light) return false;
  const auto& s = t_.state_;
  e_.mov_slot_reg(window_slot(s.regs.gpr[rcx]), rcx);  // rcx is needed; the common code saves the others
  const auto behind = e_.lea_rcx_rip();
  e_.mov_slot_reg(window_slot(s.entry), rcx);  // where to go on
  const auto x = new_exit({.kind = ExitKind::effect, .effect = i.effect, .length = i.length, .pc = i.pc});
  e_.mov_slot_imm(window_slot(s.exit_id), static_cast<u32>(x));
  Emitter::patch_rel32(e_.jmp(), window_.light);
  Emitter::patch_rel32(behind, e_.here());
  return true;
}

void Translator::Unit::finish() {
  for (const auto& cold : cold_) cold_code(cold);
  for (const auto& stub : stubs_) {
    auto& x = t_.cache_.exit(stub.exit);
    x.stub = e_.here();
    Emitter::patch_rel32(stub.hole, x.stub);
    e_.mov_slot_imm(window_slot(t_.state_.exit_id), static_cast<u32>(stub.exit));
    Emitter::patch_rel32(e_.jmp(), window_.exit);
  }
  if (!constants_.empty()) e_.align(8);
  for (const auto& c : constants_) {
    Emitter::patch_rel32(c.hole, e_.here());
    e_.imm64(c.value);
  }
}

BlockId Translator::translate(GuestAddr pc, bool indirect) {
  auto& window = cache_.window_for(pc);
  Emitter prologue{window.next, window.view};
  prologue.align(16);
  const auto begin = prologue.here();
  CacheAddr indirect_entry;
  if (indirect) indirect_entry = emit_indirect_prologue(prologue, pc, window);
  const auto body = prologue.here();
  const auto id = cache_.begin_block(pc, begin);
  Unit unit{*this, window, body, pc, false};
  auto& entry = cache_.add_entry(pc, body, id);
  entry.indirect = indirect_entry;
  unit.run(id, max_instructions);
  unit.finish();
  auto& block = cache_.block(id);
  block.checked = unit.checked;
  cache_.end_block(id, window, unit.emitter().here(), unit.pages);
  cache_.counters.instructions += unit.instructions;
  cache_.counters.guest_bytes += unit.source_end.value > pc.value ? unit.source_end - pc : 0;
  for (const u64 page : unit.pages) source_.translated(page);
  if (unit.checked) {
    source_.remember_source(id, guest_range(pc, unit.source_end.value > pc.value ? unit.source_end - pc : 0));
  } else if (indirect && options_.inline_lookup) {
    cache_.publish(*cache_.find(pc));
  }
  if (options_.link && !unit.checked) {
    for (const auto x : unit.direct) {
      auto* to = cache_.find(cache_.exit(x).pc);
      if (to != nullptr && !cache_.block(to->block).checked) cache_.link(x, *to);
    }
  }
  LOG_DEBUG(translate, "{:#x}: {} instructions, {} bytes at {:#x}", pc.value, unit.instructions,
            block.end - block.begin, body.value);
  return id;
}

CacheAddr Translator::translate_one(GuestAddr pc) {
  auto& window = cache_.window_for(pc);
  const auto at = cache_.stepping_area(window);
  const auto id = cache_.begin_stepping_block(pc, at);
  Unit unit{*this, window, at, pc, true};
  unit.run(id, 1);
  unit.finish();
  cache_.end_stepping_block(unit.emitter().here());
  return at;
}

void Translator::set_break(GuestAddr pc, bool on) {
  if (on) {
    breaks_.insert(pc.value);
  } else {
    breaks_.erase(pc.value);
  }
}

}  // namespace fred
