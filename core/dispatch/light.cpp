// Built with -mgeneral-regs-only and without calls of libc: the guest's vector registers and FS are in place.
#include "core/dispatch/light.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/base/raw_syscall.h"

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

/// What an event of the short way looks like in the log: header, registers, then the items of its kind.
struct EventPrefix {
  EventHeader header;
  ItemHeader registers_item;
  Registers registers;
};
struct ClockEvent {
  EventPrefix prefix;
  ItemHeader result_item;
  i64 result;
  ItemHeader output_item;
  timespec output;
};
struct TscEvent {
  EventPrefix prefix;
  ItemHeader value_item;
  u64 value;
};
static_assert(sizeof(ClockEvent) == 40 + 176 + 24 + 32 && sizeof(TscEvent) == 40 + 176 + 24);

void copy_words(void* to, const void* from, u64 words) {
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

void write_prefix(EventPrefix& e, u32 size, EventKind kind, u32 detail) {
  e.header.size = 0;  // set last: a broken-off log ends before
  e.header.kind = kind;
  e.header.phase = 0;
  e.header.reserved = 0;
  e.header.detail = detail;
  e.header.reserved2 = 0;
  e.header.ticks = g_window->ticks();
  e.header.pc = g_window->regs.rip;
  e.header.rest = 0;
  e.registers_item = {ItemKind::registers, {}, sizeof(Registers), 0};
  copy_words(&e.registers, &g_window->regs, sizeof(Registers) / 8);
  asm volatile("" ::: "memory");
  e.header.size = size;
}

/// Is the next event of the log this one, with these registers?
bool same_prefix(const EventPrefix& e, u32 size, EventKind kind, u32 detail) {
  if (e.header.size != size || e.header.kind != kind || e.header.detail != detail || e.header.phase != 0) return false;
  if (e.header.ticks != g_window->ticks() || e.header.pc != g_window->regs.rip || e.header.rest != 0) return false;
  const auto* a = reinterpret_cast<const u64*>(&e.registers);
  const auto* b = reinterpret_cast<const u64*>(&g_window->regs);
  u64 different = 0;
  for (u64 i = 0; i < sizeof(Registers) / 8; ++i) different |= a[i] ^ b[i];
  return different == 0;
}

/// A worker has re-executed the next event of the log. If what follows must be planned for, the cache is left.
void taken(u64 size, EventKind kind) {
  auto& log = g_events->light_reader();
  log.skip(size);
  g_events->count_light(kind);
  if (!log.comes_by_itself()) g_window->request = 1;
}

bool do_clock_gettime() {
  auto& regs = g_window->regs;
  auto* to = reinterpret_cast<void*>(regs.gpr[rsi]);
  constexpr auto kind = EventKind::syscall;
  timespec now;
  switch (g_events->mode()) {
    case Mode::run:
      if (g_clock_gettime(static_cast<long>(regs.gpr[rdi]), &now) != 0) return false;
      if (fred_guest_copy(to, &now, sizeof now) != 0) return false;
      break;
    case Mode::record: {
      auto* e = reinterpret_cast<ClockEvent*>(g_events->light_writer().try_reserve(sizeof(ClockEvent)));
      if (e == nullptr || g_clock_gettime(static_cast<long>(regs.gpr[rdi]), &now) != 0) return false;
      if (fred_guest_copy(to, &now, sizeof now) != 0) return false;
      e->result_item = {ItemKind::result, {}, sizeof(i64), 0};
      e->result = 0;
      e->output_item = {ItemKind::output, {}, sizeof(timespec), regs.gpr[rsi]};
      e->output = now;
      write_prefix(e->prefix, sizeof(ClockEvent), kind, SYS_clock_gettime);
      g_events->light_writer().commit(sizeof(ClockEvent));
      g_events->count_light(kind);
      break;
    }
    case Mode::replay: {
      const auto* e = reinterpret_cast<const ClockEvent*>(g_events->light_reader().try_view(sizeof(ClockEvent)));
      if (e == nullptr || !same_prefix(e->prefix, sizeof(ClockEvent), kind, SYS_clock_gettime)) return false;
      if (e->result != 0 || e->output_item.size != sizeof(timespec) || e->output_item.at != regs.gpr[rsi]) return false;
      if (fred_guest_copy(to, &e->output, sizeof(timespec)) != 0) return false;
      taken(sizeof(ClockEvent), kind);
      break;
    }
  }
  regs.rip += 2;
  regs.gpr[rax] = 0;
  regs.gpr[rcx] = regs.rip;  // as the syscall instruction leaves them
  regs.gpr[r11] = regs.rflags;
  return true;
}

bool do_rdtsc(u8 length) {
  auto& regs = g_window->regs;
  constexpr auto kind = EventKind::instruction;
  constexpr auto detail = static_cast<u32>(Effect::rdtsc);
  u64 tsc = 0;
  const auto read = [&tsc] {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    tsc = u64{high} << 32 | low;
  };
  switch (g_events->mode()) {
    case Mode::run:
      read();
      break;
    case Mode::record: {
      auto* e = reinterpret_cast<TscEvent*>(g_events->light_writer().try_reserve(sizeof(TscEvent)));
      if (e == nullptr) return false;
      read();
      e->value_item = {ItemKind::value, {}, sizeof tsc, 0};
      e->value = tsc;
      write_prefix(e->prefix, sizeof(TscEvent), kind, detail);
      g_events->light_writer().commit(sizeof(TscEvent));
      g_events->count_light(kind);
      break;
    }
    case Mode::replay: {
      const auto* e = reinterpret_cast<const TscEvent*>(g_events->light_reader().try_view(sizeof(TscEvent)));
      if (e == nullptr || !same_prefix(e->prefix, sizeof(TscEvent), kind, detail)) return false;
      tsc = e->value;
      taken(sizeof(TscEvent), kind);
      break;
    }
  }
  regs.gpr[rax] = tsc & 0xffffffff;
  regs.gpr[rdx] = tsc >> 32;
  regs.rip += length;
  return true;
}

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

/// clock_gettime of the kernel's own vDSO: general registers only, no FS.
ClockGettime find_clock_gettime() {
  const u64 base = getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return nullptr;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  const Elf64_Dyn* dynamic = nullptr;
  u64 bias = base;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD) bias = base + segments[i].p_offset - segments[i].p_vaddr;
    if (segments[i].p_type == PT_DYNAMIC) dynamic = reinterpret_cast<const Elf64_Dyn*>(base + segments[i].p_offset);
  }
  if (dynamic == nullptr) return nullptr;
  const Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  const u32* hash = nullptr;
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    const u64 at = bias + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const Elf64_Sym*>(at);
    if (dynamic->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(at);
    if (dynamic->d_tag == DT_HASH) hash = reinterpret_cast<const u32*>(at);
  }
  if (symbols == nullptr || names == nullptr || hash == nullptr) return nullptr;
  for (u32 i = 0; i < hash[1]; ++i) {  // the number of symbols
    if (equal(names + symbols[i].st_name, "__vdso_clock_gettime")) {
      return reinterpret_cast<ClockGettime>(bias + symbols[i].st_value);
    }
  }
  return nullptr;
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
  if (exit.effect == Effect::rdtsc) return do_rdtsc(exit.length) ? 1 : 0;
  if (g_window->regs.gpr[rax] != SYS_clock_gettime || g_clock_gettime == nullptr) return 0;
  return do_clock_gettime() ? 1 : 0;
}
