// The parts of a translation that find accesses: to watched memory, and to foreign memory.
#include <algorithm>

#include "core/arch/x86/segment_base.h"
#include "core/dispatch/watch_check.h"
#include "core/translate/translation_unit.h"

namespace fred {

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

}  // namespace fred
