#include "core/dispatch/cpu.h"

#include <cpuid.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"
#include "core/arch/x86/segment_base.h"
#include "core/base/check.h"
#include "core/base/log.h"
#include "core/dispatch/light_lookup.h"
#include "core/translate/emitter.h"

namespace fred {

namespace {

/// XCR0 components that the engine saves: x87, SSE, AVX, the three of AVX-512, PKRU. Not AMX: tiles need
/// the process's request (arch_prctl), which is refused.
constexpr u64 saved_components = 0x7 | 0xe0 | 0x200;

constexpr u32 default_mxcsr = 0x1f80;

/// Of one vector area: all components that any processor has so far (AMX's tiles are not among them).
constexpr u64 vector_area_size = 2 * page_size;

u8* new_vector_area() {
  void* at = mmap(nullptr, vector_area_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<u8*>(at);
}

}  // namespace

Cpu::Cpu(Engine& engine, CodeSource& source, const TranslateOptions& options)
    : source_(source), options_(options), state_(&memory_.window()) {
  prepare_state();
  cache_ = std::make_unique<CodeCache>(engine, memory_);
  install_light_lookup(*cache_, *state_, options.light);
  translator_ = std::make_unique<Translator>(*cache_, *state_, conditions(), source_, options_);
}

void Cpu::prepare_state() {
  u32 eax, ebx, ecx, edx;
  FRED_CHECK(__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx) != 0, "the processor has no XSAVE");
  u32 xcr0_low, xcr0_high;
  asm volatile("xgetbv" : "=a"(xcr0_low), "=d"(xcr0_high) : "c"(0));
  state_->vector_mask = xcr0_low & saved_components;
  vector_size_ = 576;
  for (u32 component = 2; component < 32; ++component) {
    if ((state_->vector_mask >> component & 1) == 0) continue;
    u32 size_of, offset, flags, unused;
    __cpuid_count(0xd, component, size_of, offset, flags, unused);
    vector_size_ = std::max<u64>(vector_size_, offset + size_of);
  }
  FRED_CHECK(vector_size_ <= vector_area_size, "a vector state of {} bytes", vector_size_);
  use_vector_area(new_vector_area());
  FRED_CHECK(vector_area_ != nullptr, "no memory for the vector state");
  state_->engine_mxcsr = default_mxcsr;
  state_->engine_fs = fred_read_fs_base();
  state_->clock.start(0);
  reset({}, {});
}

u8* Cpu::make_vector_area() {
  u8* area = new_vector_area();
  if (area != nullptr) std::memcpy(area, vector_area_, vector_size_);
  return area;
}

void Cpu::free_vector_area(u8* area) { munmap(area, vector_area_size); }

void Cpu::use_vector_area(u8* area) {
  vector_area_ = area;
  state_->vector_area = reinterpret_cast<u64>(area);
}

void Cpu::reset(GuestAddr start, GuestAddr sp) {
  state_->regs = {};
  state_->regs.rip = start.value;
  state_->regs.gpr[rsp] = sp.value;
  state_->regs.rflags = 0x202;
  fred_write_gs_base(0);
  reset_vector_state();
}

Registers Cpu::registers() const {
  Registers r = state_->regs;
  r.gs_base = fred_read_gs_base();
  return r;
}

void Cpu::take_registers(const Registers& registers) {
  const u64 gs_base = registers.gs_base;
  state_->regs = registers;
  state_->regs.gs_base = 0;  // it stays in the processor
  fred_write_gs_base(gs_base);
}

void Cpu::set_ticks(u64 ticks) { state_->clock.start(ticks); }

void Cpu::reset_vector_state() {
  std::memset(vector_area_, 0, vector_size_);
  const u16 fcw = 0x37f;
  std::memcpy(vector_area_, &fcw, sizeof fcw);
  std::memcpy(vector_area_ + 24, &default_mxcsr, sizeof default_mxcsr);
}

void Cpu::set_vector_state(std::span<const u8> area) {
  FRED_CHECK(area.size() == vector_size_, "a vector state of {} bytes, not {}", area.size(), vector_size_);
  std::memcpy(vector_area_, area.data(), area.size());
  canonicalise_vector_area(vector_area_, vector_mask());
}

void Cpu::put_vector_state(u8* area, std::span<const u8> from_kernel) const {
  std::memcpy(area, from_kernel.data(), std::min(from_kernel.size(), vector_size_));
  u64 present;
  std::memcpy(&present, area + 512, sizeof present);
  present &= vector_mask();
  std::memcpy(area + 512, &present, sizeof present);
  canonicalise_vector_area(area, vector_mask());
}

CacheAddr Cpu::body_for(GuestAddr pc, bool indirect) {
  auto* entry = cache_->find(pc);
  if (entry == nullptr) {
    translator_->translate(pc, indirect && options_.inline_lookup);
    entry = cache_->find(pc);
  } else if (cache_->block(entry->block).checked) {
    if (!source_.still_as_translated(entry->block)) {
      cache_->invalidate(guest_range(pc, 1));
      return body_for(pc, indirect);
    }
  } else if (indirect && options_.inline_lookup) {
    translator_->make_indirect(*entry);
  }
  return entry->body;
}

Exit Cpu::enter(CacheAddr at) {
  FRED_CHECK(!stopped(), "guest code entered at a stop");
  state_->entry = at.value;
  ++counters.exits;
  if (observer_ != nullptr) observer_->before(at);
  state_->at_rest = 1;
  entry_.enter();
  state_->at_rest = 0;
  ran_out_ = state_->clock.ran_out();
  if (ran_out_) state_->clock.share();  // a stop, or a part of the way to it
  const Exit exit = cache_->exit(ExitId{static_cast<u32>(state_->exit_id)});
  if (observer_ != nullptr) observer_->after(exit);
  return exit;
}

Exit Cpu::run() {
  if (!can_fetch()) return fetch_fault();
  if (entry_.enter == nullptr) prepare_entry();
  CacheAddr at = body_for(pc(), false);
  for (;;) {
    const Exit exit = enter(at);
    switch (exit.kind) {
      case ExitKind::direct: {
        state_->regs.rip = exit.pc.value;
        if (stopped() || looks()) return exit;
        if (!can_fetch()) return fetch_fault();
        const u64 flushes = cache_->counters.flushes;
        at = body_for(exit.pc, false);
        if (options_.link && cache_->counters.flushes == flushes) {  // else where we came from has been written anew
          auto* to = cache_->find(exit.pc);
          if (!cache_->block(to->block).checked) cache_->link(ExitId{static_cast<u32>(state_->exit_id)}, *to);
        }
        break;
      }
      case ExitKind::indirect_miss:
        ++counters.indirect_misses;
        state_->regs.rip = state_->indirect_target;
        count_tick();
        if (stopped()) return exit;
        if (!can_fetch()) return fetch_fault();
        at = body_for(pc(), true);
        break;
      case ExitKind::tick_stop:
        state_->regs.rip = exit.pc.value;
        if (stopped() || looks()) return exit;
        if (!can_fetch()) return fetch_fault();
        at = body_for(exit.pc, false);
        break;
      case ExitKind::fetch_fault:
        cache_->drop(exit.block);  // what is there may change without our hearing of it
        state_->regs.rip = exit.pc.value;
        return exit;
      case ExitKind::effect:
      case ExitKind::spins:
      case ExitKind::stop:
      case ExitKind::watch:
        state_->regs.rip = exit.pc.value;
        return exit;
      case ExitKind::fault:
      case ExitKind::bail:
      case ExitKind::watch_hit:
        return exit;
    }
  }
}

Exit Cpu::step() {
  if (!source_.fetchable(page_floor(pc().value))) return fetch_fault();
  if (entry_.enter == nullptr) prepare_entry();
  ++counters.steps;
  const Exit exit = enter(translator_->translate_one(pc()));
  switch (exit.kind) {
    case ExitKind::indirect_miss:
      state_->regs.rip = state_->indirect_target;
      count_tick();
      break;
    case ExitKind::direct:
    case ExitKind::tick_stop:
    case ExitKind::effect:
    case ExitKind::spins:
    case ExitKind::stop:
    case ExitKind::watch:
    case ExitKind::fetch_fault:
      state_->regs.rip = exit.pc.value;
      break;
    case ExitKind::fault:
    case ExitKind::bail:
    case ExitKind::watch_hit:
      break;
  }
  return exit;
}

bool Cpu::can_fetch() const { return cache_->find(pc()) != nullptr || source_.fetchable(page_floor(pc().value)); }

Exit Cpu::fetch_fault() const { return {.kind = ExitKind::fetch_fault, .pc = pc()}; }

void Cpu::prepare_entry() {
  auto& window = cache_->window_for(pc());
  Emitter e{window.next, window.view};
  entry_ = emit_entry_code(e, window, *state_);
  e.align(64);
  window.next = window.begin = e.here();
}

void Cpu::set_break_points(GuestAddr at, std::vector<BreakPoint> points) {
  translator_->break_points().set(at, std::move(points));
  cache_->invalidate(guest_range(at, 1));
}

void Cpu::watch(const Watching& watching) {
  if (translator_->watching() == watching) return;
  translator_->watch(watching);
  cache_->clear();
}

void Cpu::leave_before(const std::vector<GuestRange>& foreign) {
  auto& granules = conditions().foreign;
  std::ranges::fill(granules, u8{0});
  for (const auto& range : foreign) {
    const u64 first = (range.begin.value - largest_access) / foreign_granule_size;
    const u64 last = std::min((range.end.value - 1) / foreign_granule_size, first + granule_count - 1);
    for (u64 granule = first; granule <= last; ++granule) granules[granule % granule_count] = 1;
  }
  if (translator_->left_before() == foreign) return;
  translator_->leave_before(foreign);
  cache_->clear();
}

bool Cpu::leaves_for_watch(const Instruction& i, std::span<const u8> code, const Registers& registers) {
  const auto& watching = translator_->watching();
  if (!watching.any()) return false;
  const auto plan = plan_watch(i, code, watching, translator_->options().light);
  switch (plan.way) {
    case WatchPlan::Way::none:
      return false;
    case WatchPlan::Way::call:
    case WatchPlan::Way::step:
      return true;
    case WatchPlan::Way::behind:
    case WatchPlan::Way::before:
      break;
  }
  return std::ranges::any_of(plan.accesses, [&](const Access& a) {
    return conditions().granules[address_of(a, registers) / granule_size % granule_count] != 0;
  });
}

void Cpu::set_break(GuestAddr at, bool on) {
  if (translator_->has_break(at) == on) return;
  translator_->set_break(at, on);
  cache_->invalidate(guest_range(at, 1));
}

void Cpu::count_tick() { state_->clock.count(); }

void Cpu::stop_at(u64 at) {
  const u64 now = ticks();
  FRED_CHECK(at > now, "a stop at {} wanted at {}", at, now);
  state_->clock.stop_at(at);
}

void Cpu::request_stop_from_handler(u64& rip, u64& rcx) {
  state_->request = 1;
  bool in_entry = rip >= entry_.begin.value && rip < entry_.end.value;
  for (const auto& w : cache_->windows()) {
    if (rip >= w.light_check.value && rip < w.light_end.value) in_entry = true;
  }
  if (!in_entry && !cache_->in_cache(rip)) return;  // engine code: entering the cache looks at the request
  if (!in_entry) {
    if (const auto position = cache_->locate(CacheAddr{rip}); position && position->restart) {
      rip = position->restart.value;
    }
    // Complete a counting sequence (Emitter::count_tick_in_rcx: lea rcx,[rcx-1]; mov [left],rcx) whose load has run.
    constexpr std::array<u8, 4> lea{0x48, 0x8d, 0x49, 0xff};
    constexpr u64 store_size = 7;
    auto& left = state_->clock.left;
    const auto stored = [&](const u8* code) -> u64* {  // the counter, if there is mov [rip+d], rcx into one
      if (code[0] != 0x48 || code[1] != 0x89 || code[2] != 0x0d) return nullptr;
      i32 displacement;
      std::memcpy(&displacement, code + 3, sizeof displacement);
      const CacheAddr target{reinterpret_cast<u64>(code) + store_size + static_cast<u64>(i64{displacement})};
      const auto counter = std::find_if(std::begin(left), std::end(left),
                                        [&](const u64& field) { return cache_->is_view_of(target, &field); });
      return counter != std::end(left) ? &*counter : nullptr;
    };
    const auto* code = CacheAddr{rip}.ptr();
    const u64 before_store = std::memcmp(code, lea.data(), lea.size()) == 0 ? lea.size() : 0;
    if (u64* counter = stored(code + before_store); counter != nullptr) {
      if (before_store != 0) --rcx;
      *counter = rcx;
      rip += before_store + store_size;
    }
  }
  if (state_->clock.ran_out()) return;  // about to leave by itself; entering again looks at the request
  state_->clock.stop_at(ticks() + 1);
}

}  // namespace fred
