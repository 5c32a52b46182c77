#include "tests/fuzz/translated.h"

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/signals/kernel_signals.h"
#include "tests/fuzz/random.h"

namespace fred::fuzz {

namespace {

constexpr u64 most_ticks = 1'000'000;
constexpr u64 most_steps = 100'000;

/// Does the instruction at `pc`, which was left for `next`, count (ARCHITECTURE.md, "Time")?
bool ticks(GuestAddr pc, GuestAddr next) {
  const auto i = decode(pc, {pc.ptr<const u8>(), 15});
  FRED_CHECK(i, "stepped over no instruction at {:#x}", pc.value);
  switch (i->flow) {
    case Flow::next:
    case Flow::effect:
      return false;
    case Flow::indirect_jump:
    case Flow::indirect_call:
    case Flow::ret:
      return true;
    case Flow::branch:
    case Flow::loop:
      return next == i->target && i->target <= pc;
    case Flow::jump:
    case Flow::call:
      return i->target <= pc;
  }
  return false;
}

using Breaks = std::vector<GuestAddr>;

Breaks choose_breaks(const Case& c, const Places& places, u64 seed) {
  Random random(seed);
  Breaks breaks;
  for (u32 i = 1 + random.below(3); i != 0; --i) {
    breaks.push_back(places[Region::code] + c.offset + c.items[random.below(static_cast<u32>(c.items.size()))]);
  }
  return breaks;
}

Exit run_stepped(Cpu& cpu, TranslatedRun& run, const Breaks& breaks) {
  for (u64 n = 0; n < most_steps; ++n) {
    const auto before = cpu.pc();
    if (std::find(breaks.begin(), breaks.end(), before) != breaks.end()) ++run.visits;
    const u64 at = cpu.ticks();
    const Exit exit = cpu.step();
    if (exit.kind == ExitKind::fault || exit.kind == ExitKind::fetch_fault) return exit;
    if (exit.kind != ExitKind::direct && exit.kind != ExitKind::indirect_miss) {
      run.problem = fmt::format("a step at {:#x} left with exit kind {}", before.value, static_cast<int>(exit.kind));
      return exit;
    }
    if (cpu.ticks() - at != (ticks(before, cpu.pc()) ? 1u : 0u)) {
      run.problem =
          fmt::format("{} ticks for the step from {:#x} to {:#x}", cpu.ticks() - at, before.value, cpu.pc().value);
    }
  }
  run.no_end = true;
  return {};
}

Exit run_freely(Cpu& cpu, TranslatedRun& run, Manner manner, u64 seed) {
  Random random(seed);
  const u64 start = cpu.ticks();
  for (;;) {
    // Near stops, and some that the counters reach in several parts (core/arch/x86/tick_counters.h).
    const u64 near = 1 + random.below(random.chance(70) ? 3 : 30);
    const u64 wanted = cpu.ticks() + (manner == Manner::stopped ? near : most_ticks);
    cpu.stop_at(wanted);
    const Exit exit = cpu.run();
    if (exit.kind == ExitKind::fault || exit.kind == ExitKind::fetch_fault) return exit;
    if (exit.kind == ExitKind::stop) {
      ++run.visits;
      if (!cpu.has_break(cpu.pc())) run.problem = fmt::format("stopped at {:#x}, where no break is", cpu.pc().value);
      const Exit step = cpu.step();
      if (step.kind == ExitKind::fault || step.kind == ExitKind::fetch_fault) return step;
      cpu.no_stop();
      if (cpu.ticks() - start < most_ticks) continue;
      run.problem = "no end";
      return exit;
    }
    if (!cpu.stopped()) {
      run.problem = fmt::format("left with exit kind {} at {:#x}", static_cast<int>(exit.kind), cpu.pc().value);
      return exit;
    }
    if (cpu.ticks() != wanted) run.problem = fmt::format("stopped at {} instead of {}", cpu.ticks(), wanted);
    if (cpu.ticks() - start >= most_ticks) {
      run.problem = "no end";
      return exit;
    }
  }
}

}  // namespace

TranslatedRun run_translated(const Case& c, const Places& places, Cpu& cpu, Manner manner, u64 seed) {
  TranslatedRun run;
  cpu.regs() = c.registers;
  cpu.regs().rip = places[Region::code].value + c.offset;
  cpu.set_vector_state(c.vector);
  cpu.no_stop();
  const u64 start = cpu.ticks();
  const auto breaks = choose_breaks(c, places, seed);
  const auto set_breaks = [&](bool on) {
    for (const auto at : breaks) cpu.set_break(at, on);
  };
  if (manner == Manner::broken) set_breaks(true);
  const Exit exit = manner == Manner::stepped ? run_stepped(cpu, run, breaks) : run_freely(cpu, run, manner, seed);
  run.left_for_effect = exit.kind == ExitKind::effect;
  run.ticks = cpu.ticks() - start;
  cpu.no_stop();
  set_breaks(false);
  auto& o = run.outcome;
  o.registers = cpu.regs();
  o.vector.assign(cpu.vector_area(), cpu.vector_area() + cpu.vector_size());
  o.fetch = exit.kind == ExitKind::fetch_fault;
  if (exit.kind == ExitKind::fault) {
    const auto& f = last_fault();
    o.signal = f.signal.number;
    o.code = f.signal.info.si_code;
    o.address = reinterpret_cast<u64>(f.signal.info.si_addr);
    o.trap = f.trap_number;
    o.error = f.error_code;
  }
  return run;
}

}  // namespace fred::fuzz
