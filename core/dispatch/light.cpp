// Built with -mgeneral-regs-only and without calls of libc: the guest's vector registers and FS are in place.
#include "core/dispatch/light.h"

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/base/raw_syscall.h"
#include "core/dispatch/watch_check.h"
#include "core/trace/register_hash.h"
#include "core/vdso/kernel_vdso.h"

extern "C" {
fred::u64 fred_light_handler();
fred::u64 fred_guest_copy(void* to, const void* from, fred::u64 size);
}

namespace fred {

namespace {

using ClockGettime = long (*)(long clock, timespec* to);

StateWindow* g_window = nullptr;
CodeCache* g_cache = nullptr;
EventStream* g_events = nullptr;
ClockGettime g_clock_gettime = nullptr;

// What an event of the short way looks like in the log: header, registers or their hash, then the items of
// its kind.
struct FullPrefix {
  EventHeader header;
  ItemHeader item;
  Registers registers;
};
struct CompactPrefix {
  EventHeader header;
};
template <class Prefix>
struct ClockEvent {
  Prefix prefix;
  ItemHeader clock_item;
  timespec output;
};
template <class Prefix>
struct TscEvent {
  Prefix prefix;
  ItemHeader value_item;
  u64 value;
};
static_assert(sizeof(ClockEvent<FullPrefix>) == 32 + 168 + 24 && sizeof(TscEvent<CompactPrefix>) == 32 + 16);

void copy_words(void* to, const void* from, u64 words) {
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

void write_registers(FullPrefix& e) {
  e.header.flags = e.header.hash = 0;
  e.item = {ItemKind::registers, {}, sizeof(Registers)};
  copy_words(&e.registers, &g_window->regs, sizeof(Registers) / 8);
}

void write_registers(CompactPrefix& e) {
  e.header.flags = EventHeader::hashed;
  e.header.hash = register_hash(g_window->regs);
}

bool same_registers(const FullPrefix& e) {
  if (e.header.flags != 0 || e.item.kind != ItemKind::registers) return false;
  const auto* a = reinterpret_cast<const u64*>(&e.registers);
  const auto* b = reinterpret_cast<const u64*>(&g_window->regs);
  u64 different = 0;
  for (u64 i = 0; i < sizeof(Registers) / 8; ++i) different |= a[i] ^ b[i];
  return different == 0;
}

bool same_registers(const CompactPrefix& e) {
  return e.header.flags == EventHeader::hashed && e.header.hash == register_hash(g_window->regs);
}

template <class Event>
void write_prefix(Event& event, EventKind kind, u32 detail) {
  auto& header = event.prefix.header;
  header.size = 0;  // set last: a broken-off log ends before
  header.kind = kind;
  header.phase = 0;
  header.detail = detail;
  header.ticks = g_window->ticks();
  header.pc = g_window->regs.rip;
  write_registers(event.prefix);
  asm volatile("" ::: "memory");
  header.size = sizeof(Event);
}

/// The next event of the log, if it is this one, with these registers; else null.
template <class Event>
const Event* next_event(EventKind kind, u32 detail) {
  const auto* event = reinterpret_cast<const Event*>(g_events->light_reader().try_view(sizeof(Event)));
  if (event == nullptr) return nullptr;
  const auto& h = event->prefix.header;
  if (h.size != sizeof(Event) || h.kind != kind || h.detail != detail || h.phase != 0) return nullptr;
  if (h.ticks != g_window->ticks() || h.pc != g_window->regs.rip) return nullptr;
  return same_registers(event->prefix) ? event : nullptr;
}

/// A worker has re-executed the next event of the log. If what follows must be planned for, the cache is left.
void taken(u64 size, EventKind kind) {
  auto& log = g_events->light_reader();
  log.skip(size);
  g_events->count_light(kind);
  if (!log.comes_by_itself()) g_window->request = 1;
}

template <class Event>
Event* reserve_event() {
  return reinterpret_cast<Event*>(g_events->light_writer().try_reserve(sizeof(Event)));
}

template <class Event>
void commit_event(EventKind kind) {
  g_window->at_rest = 0;
  g_events->light_writer().commit(sizeof(Event));
  g_events->count_light(kind);
  g_window->at_rest = 1;
}

template <class Event>
bool record_clock(void* to) {
  auto& regs = g_window->regs;
  auto* event = reserve_event<Event>();
  timespec now;
  if (event == nullptr || g_clock_gettime(static_cast<long>(regs.gpr[rdi]), &now) != 0) return false;
  if (fred_guest_copy(to, &now, sizeof now) != 0) return false;
  event->clock_item = {ItemKind::clock, {}, sizeof(timespec)};
  event->output = now;
  write_prefix(*event, EventKind::syscall, SYS_clock_gettime);
  commit_event<Event>(EventKind::syscall);
  return true;
}

template <class Event>
bool replay_clock(void* to) {
  const auto* event = next_event<Event>(EventKind::syscall, SYS_clock_gettime);
  if (event == nullptr || event->clock_item.kind != ItemKind::clock) return false;
  if (fred_guest_copy(to, &event->output, sizeof(timespec)) != 0) return false;
  taken(sizeof(Event), EventKind::syscall);
  return true;
}

bool do_clock_gettime() {
  auto& regs = g_window->regs;
  auto* to = reinterpret_cast<void*>(regs.gpr[rsi]);
  switch (g_events->mode()) {
    case Mode::run: {
      timespec now;
      if (g_clock_gettime(static_cast<long>(regs.gpr[rdi]), &now) != 0) return false;
      if (fred_guest_copy(to, &now, sizeof now) != 0) return false;
      break;
    }
    case Mode::record:
      if (!(g_events->full_registers() ? record_clock<ClockEvent<FullPrefix>>(to)
                                       : record_clock<ClockEvent<CompactPrefix>>(to))) {
        return false;
      }
      break;
    case Mode::replay:
      if (!replay_clock<ClockEvent<CompactPrefix>>(to) && !replay_clock<ClockEvent<FullPrefix>>(to)) return false;
      break;
  }
  regs.rip += 2;
  regs.gpr[rax] = 0;
  regs.gpr[rcx] = regs.rip;  // as the syscall instruction leaves them
  regs.gpr[r11] = regs.rflags;
  return true;
}

constexpr auto rdtsc_detail = static_cast<u32>(Effect::rdtsc);

u64 read_tsc() {
  u32 low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return u64{high} << 32 | low;
}

template <class Event>
bool record_tsc(u64& tsc) {
  auto* event = reserve_event<Event>();
  if (event == nullptr) return false;
  tsc = read_tsc();
  event->value_item = {ItemKind::value, {}, sizeof tsc};
  event->value = tsc;
  write_prefix(*event, EventKind::instruction, rdtsc_detail);
  commit_event<Event>(EventKind::instruction);
  return true;
}

template <class Event>
bool replay_tsc(u64& tsc) {
  const auto* event = next_event<Event>(EventKind::instruction, rdtsc_detail);
  if (event == nullptr) return false;
  tsc = event->value;
  taken(sizeof(Event), EventKind::instruction);
  return true;
}

bool do_rdtsc(u8 length) {
  auto& regs = g_window->regs;
  u64 tsc = 0;
  switch (g_events->mode()) {
    case Mode::run:
      tsc = read_tsc();
      break;
    case Mode::record:
      if (!(g_events->full_registers() ? record_tsc<TscEvent<FullPrefix>>(tsc)
                                       : record_tsc<TscEvent<CompactPrefix>>(tsc))) {
        return false;
      }
      break;
    case Mode::replay:
      if (!replay_tsc<TscEvent<CompactPrefix>>(tsc) && !replay_tsc<TscEvent<FullPrefix>>(tsc)) return false;
      break;
  }
  regs.gpr[rax] = tsc & 0xffffffff;
  regs.gpr[rdx] = tsc >> 32;
  regs.rip += length;
  return true;
}

/// clock_gettime of the kernel's own vDSO: general registers only, no FS.
ClockGettime find_clock_gettime() {
  const u64 base = getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return nullptr;
  return reinterpret_cast<ClockGettime>(
      find_vdso_function(reinterpret_cast<const u8*>(base), "__vdso_clock_gettime").at.value);
}

}  // namespace

void install_light_handler(Cpu& cpu, EventStream& events) {
  g_window = &cpu.state();
  g_cache = &cpu.cache();
  g_events = &events;
  g_clock_gettime = find_clock_gettime();
  cpu.state().light_handler = reinterpret_cast<u64>(&fred_light_handler);
}

}  // namespace fred

/// Called by translated code with the guest's registers in the state window, rip still unset. Not 0: done,
/// the registers are those behind the instruction. 0: nothing has happened.
fred::u64 fred_light_handler() {
  using namespace fred;
  const Exit& exit = g_cache->exit(ExitId{static_cast<u32>(g_window->exit_id)});
  g_window->regs.rip = exit.pc.value;
  if (exit.kind == ExitKind::watch) return check_watched(*g_window, exit);
  if (exit.effect == Effect::rdtsc) return do_rdtsc(exit.length) ? 1 : 0;
  if (g_window->regs.gpr[rax] != SYS_clock_gettime || g_clock_gettime == nullptr) return 0;
  return do_clock_gettime() ? 1 : 0;
}
