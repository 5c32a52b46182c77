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

namespace fred {

namespace {
constexpr u32 max_instructions = 64;
constexpr u32 max_branches = 6;
constexpr u64 max_instruction_length = 15;
}  // namespace

/// One translation under way: decodes from `pc` on and emits as it goes.
class Translator::Unit {
 public:
  Unit(Translator& t, CacheWindow& window, CacheAddr at, GuestAddr pc, bool stepping)
      : t_(t), window_(window), e_(at, window.view), pc_(pc), stepping_(stepping) {}

  void run(BlockId id, u32 limit);
  void finish();

  std::vector<u64> pages;      // source pages, in order of first use
  std::vector<ExitId> direct;  // exits to link
  bool checked = false;
  u32 instructions = 0;
  GuestAddr source_end;
  Emitter& emitter() { return e_; }

 private:
  struct Stub {
    CacheAddr hole;  // rel32 that leads to the stub
    ExitId exit;
  };
  struct Constant {
    CacheAddr hole;
    u64 value;
  };

  bool fetch(GuestAddr pc, Instruction& out);
  Decoded decode_at(GuestAddr pc, u64 bytes, Instruction& out) const;
  bool touch(u64 page);
  /// Emits what is wanted before the instruction at pc_. True: the block ends there.
  bool break_here();
  bool watching() const { return !stepping_ && (t_.watching_.any() || !t_.foreign_.empty()); }
  /// As instruction(), with checks of what it accesses.
  void watched(const Instruction& i, std::span<const u8> code);
  void watched_accesses(const Instruction& i, std::span<const u8> code, const WatchPlan& plan);
  /// Leaves before the instruction if it accesses foreign memory. True: it always does, and the block ends.
  bool foreign(const Instruction& i, std::span<const u8> code);
  /// Behind one that may have put the stack there.
  void foreign_stack(const Instruction& i, std::span<const u8> code);
  void instruction(const Instruction& i, std::span<const u8> code);
  /// The called function, if the block is to run through it (leaf.h), until the next one is asked for; its pages are
  /// the block's then.
  std::span<const Instruction> leaf_of(const Instruction& call);
  /// Executes it, its return address being pushed; the block goes on behind the call.
  void run_through(const Instruction& call, std::span<const Instruction> leaf);
  /// Counts a tick; at a stop the guest is about to execute `next`. Guest rcx is spilled, and rdx if that is named.
  void tick_in_line(GuestAddr next, Gpr also_spilled);
  void copy(const Instruction& i, std::span<const u8> code);
  void copy_far_operand(const Instruction& i, std::span<const u8> code);
  void edge(GuestAddr target, std::optional<u32> counter);
  std::optional<u32> loop_counter(const Instruction& i);
  void push_return_address(GuestAddr pc);
  void load_indirect_target(const Instruction& i, std::span<const u8> code);
  void lookup();
  /// The same with rdx in its slot as well.
  void look_up_spilled();
  void leave(Exit exit);
  bool light(const Instruction& i);
  void segment(GuestAddr pc, u8 spilled = 0) { t_.cache_.add_segment(id_, e_.here(), pc, spilled); }
  ExitId new_exit(Exit exit);

  Translator& t_;
  CacheWindow& window_;
  Emitter e_;
  BlockId id_{};
  GuestAddr pc_;
  bool stepping_;
  bool ended_ = false;
  u32 branches_ = 0;
  u32 stepping_exits_ = 0;
  /// What is executed instead of, or before, an instruction that may access watched memory.
  struct Cold {
    CacheAddr hole, resume;
    Instruction instruction;
    std::optional<Access> access;  // nothing: a watched register has changed
    bool behind = false;
    std::optional<GuestAddr> leaves_at = {};  // that, and nothing else
  };
  void cold_code(const Cold& cold);
  WatchCode watch_code() {
    static const bool has_bmi2 = __builtin_cpu_supports("bmi2");
    return {e_, t_.cache_, window_, t_.state_, t_.conditions_, has_bmi2 && t_.options_.bmi2};
  }

  std::vector<Stub> stubs_;
  std::vector<Cold> cold_;
  std::vector<Constant> constants_;
};

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

bool Translator::Unit::foreign(const Instruction& i, std::span<const u8> code) {
  if (t_.foreign_.empty()) return false;
  const auto found = accesses_of(i, code);
  const auto is_foreign = [&](u64 at) {
    return std::ranges::any_of(t_.foreign_, [at](GuestRange r) { return r.contains(GuestAddr{at}); });
  };
  const auto certain = [&](const Access& a) {
    return a.absolute && (is_foreign(*a.absolute) || is_foreign(*a.absolute + a.size - 1));
  };
  const bool by_gs = !uses_fsgsbase() &&
                     std::ranges::any_of(found.all(), [](const Access& a) { return a.segment == Access::Segment::gs; });
  const bool repeated = i.repeated && found.count != 0;
  if (found.other || repeated || by_gs || std::ranges::any_of(found.all(), certain)) {
    leave({.kind = ExitKind::watch, .pc = i.pc});
    return true;
  }
  for (const auto& a : found.all()) {
    // Thread-local memory does not lie there, and where the stack does, no code is executed in the cache.
    if (a.absolute || a.segment == Access::Segment::fs || (a.base == rsp && !a.index)) continue;
    const auto hole = watch_code().check_foreign(a);
    cold_.push_back({.hole = hole, .resume = e_.here(), .instruction = i, .access = {}, .leaves_at = i.pc});
  }
  segment(i.pc);
  return false;
}

void Translator::Unit::foreign_stack(const Instruction& i, std::span<const u8> code) {
  if (t_.foreign_.empty() || i.flow != Flow::next) return;
  if ((written_registers(i, code) & 1u << rsp) == 0 || moves_stack_pointer_a_little(i)) return;
  Access stack;
  stack.base = rsp;
  const auto hole = watch_code().check_foreign(stack);
  cold_.push_back({.hole = hole, .resume = e_.here(), .instruction = i, .access = {}, .leaves_at = i.next()});
}

void Translator::Unit::watched(const Instruction& i, std::span<const u8> code) {
  if (foreign(i, code)) return;
  const auto plan = plan_watch(i, code, t_.watching_, t_.options_.light);
  watched_accesses(i, code, plan);
  for (const auto gpr : plan.registers) {
    const auto hole = watch_code().check(gpr);
    cold_.push_back({.hole = hole, .resume = e_.here(), .instruction = i, .access = {}, .behind = true});
  }
  foreign_stack(i, code);
}

void Translator::Unit::watched_accesses(const Instruction& i, std::span<const u8> code, const WatchPlan& plan) {
  auto watch = watch_code();
  switch (plan.way) {
    case WatchPlan::Way::none:
      return instruction(i, code);
    case WatchPlan::Way::behind: {
      const auto hole = watch.check(plan.accesses[0]);
      segment(i.pc);
      instruction(i, code);
      cold_.push_back(
          {.hole = hole, .resume = e_.here(), .instruction = i, .access = plan.accesses[0], .behind = true});
      return;
    }
    case WatchPlan::Way::before:
      for (const auto& a : plan.accesses) {
        const auto hole = watch.check(a);
        cold_.push_back({.hole = hole, .resume = e_.here(), .instruction = i, .access = a, .behind = false});
      }
      segment(i.pc);
      return instruction(i, code);
    case WatchPlan::Way::call:
      watch.call(i, plan.flags, plan.size, {});
      segment(i.pc);
      return instruction(i, code);
    case WatchPlan::Way::step:
      leave({.kind = ExitKind::watch, .pc = i.pc});
      return;
  }
}

void Translator::Unit::cold_code(const Cold& cold) {
  auto watch = watch_code();
  const auto& i = cold.instruction;
  if (!cold.access) {
    segment(i.pc);
    watch.begin_cold(cold.hole);
    if (cold.leaves_at) return leave({.kind = ExitKind::watch, .pc = *cold.leaves_at});
    return watch.call(i, access_behind, 0, cold.resume);
  }
  segment(i.pc);
  watch.begin_cold(cold.hole, *cold.access);
  if (!t_.options_.light) {
    leave({.kind = ExitKind::watch, .pc = i.pc});
    return;
  }
  u8 flags = static_cast<u8>((cold.access->reads ? access_reads : 0) | (cold.access->writes ? access_writes : 0));
  if (cold.behind) {
    flags |= access_behind;
    copy(i, {i.pc.ptr<const u8>(), i.length});
  }
  watch.call(i, flags, cold.access->size, cold.resume);
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
  if (i.repeated) e_.mov_slot_reg(window_slot(t_.state_.rep_start), rcx);  // Time::rest counts from here
  if (!i.rip_relative) {
    e_.bytes(code);
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
  const auto out = e_.jrcxz();  // the stop: exactly at zero
  e_.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  const auto over = e_.jmp_short();
  Emitter::patch_rel8(out, e_.here());
  e_.mov_reg_slot(rcx, window_slot(s.spill_rcx));
  e_.mov_slot_imm(window_slot(s.exit_id), static_cast<u32>(new_exit({.kind = ExitKind::tick_stop, .pc = next})));
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
