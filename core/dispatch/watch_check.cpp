// Built with -mgeneral-regs-only and without calls of libc: the guest's vector registers and FS are in place.
#include "core/dispatch/watch_check.h"

namespace fred {

WatchTable watch_table;

namespace {

/// The first range that may reach beyond `address`.
u64 first_reaching(u64 address) {
  u64 low = 0, high = watch_table.count;
  while (low < high) {
    const u64 middle = low + (high - low) / 2;
    if (watch_table.watched[middle].reach <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool touches_watched(u64 begin, u64 end) {
  for (u64 i = first_reaching(begin); i < watch_table.count && watch_table.watched[i].begin < end; ++i) {
    if (watch_table.watched[i].end > begin) return true;
  }
  return false;
}

constexpr u64 direction_flag = 0x400;

bool repeated_touches(const Registers& regs, u64 start, u32 size) {
  const u64 bytes = regs.gpr[rcx] * size;
  if (bytes == 0) return false;
  if (bytes / size != regs.gpr[rcx] || bytes > start + bytes) return true;  // will fault: stepped to be sure
  if ((regs.rflags & direction_flag) == 0) return touches_watched(start, start + bytes);
  return bytes - size > start || touches_watched(start + size - bytes, start + size);
}

u64 check_before(const Registers& regs, u64 address, const Exit& exit) {
  bool touched = false;
  if ((exit.access & access_repeated) == 0) {
    touched = touches_watched(address, address + exit.access_size);
  } else {
    if ((exit.access & access_at_rdi) != 0) touched = repeated_touches(regs, regs.gpr[rdi], exit.access_size);
    if ((exit.access & access_at_rsi) != 0) touched |= repeated_touches(regs, regs.gpr[rsi], exit.access_size);
  }
  return touched ? 0 : 1;
}

void note_access(Watched& w, const StateWindow& window, const Exit& exit, bool changed) {
  ++w.count;
  w.fresh = watch_table.found = true;
  w.changed = changed;
  w.ticks = window.ticks();
  w.pc = exit.pc.value;
  w.next = exit.pc.value + exit.length;
}

/// The access has been made; `begin` to `end` is the part of it that lies in the range. True: it counts.
bool look_at_access(Watched& w, u64 begin, u64 end, const StateWindow& window, const Exit& exit) {
  const bool writes = (exit.access & access_writes) != 0, reads = (exit.access & access_reads) != 0;
  bool changed = false;
  if (writes) {
    const auto* now = reinterpret_cast<const u8*>(begin);
    u8* was = w.bytes + (begin - w.begin);
    const u64 size = end - begin;
    for (u64 i = 0; i < size; ++i) changed |= now[i] != was[i];
    if (changed) {
      w.offset = begin - w.begin;
      w.size = size;
      for (u64 i = 0; i < size; ++i) {
        w.before[i] = was[i];
        was[i] = now[i];
      }
    }
  }
  if (changed && (w.changes || w.writes)) {
    note_access(w, window, exit, true);
    return true;
  }
  if (!((reads && w.reads) || (writes && w.writes))) return false;
  w.offset = 0;
  w.size = w.mapped <= sizeof w.before ? w.mapped : 0;
  for (u64 i = 0; i < w.size; ++i) w.before[i] = w.bytes[i];
  note_access(w, window, exit, false);
  return true;
}

/// True: one has changed that a condition is about, in the thread that runs.
bool look_at_registers(StateWindow& window, const Exit& exit) {
  bool changed = false;
  for (u64 i = 0; i < watch_table.register_count; ++i) {
    WatchedRegister& r = watch_table.registers[i];
    const u64 known = known_value(window, r.gpr), now = window.regs.gpr[r.gpr];
    if (known == now || !r.here) continue;
    ++r.count;
    r.fresh = watch_table.found = changed = true;
    r.ticks = window.ticks();
    r.pc = exit.pc.value;
    r.next = exit.pc.value + exit.length;
    r.before = known;
    r.now = now;
  }
  for (u64 i = 0; i < watch_table.register_count; ++i) {
    const Gpr gpr = watch_table.registers[i].gpr;
    set_known_value(window, gpr, window.regs.gpr[gpr]);
  }
  return changed;
}

u64 check_behind(StateWindow& window, u64 address, const Exit& exit) {
  const u64 end = address + exit.access_size;
  bool leave = look_at_registers(window, exit) && watch_table.mode == WatchMode::stop;
  for (u64 i = exit.access_size != 0 ? first_reaching(address) : watch_table.count;
       i < watch_table.count && watch_table.watched[i].begin < end; ++i) {
    Watched& w = watch_table.watched[i];
    if (w.end <= address) continue;
    const u64 from = address > w.begin ? address : w.begin, to = end < w.end ? end : w.end;
    if (to > w.begin + w.mapped) {
      watch_table.incomplete = leave = true;
      watch_table.ticks = window.ticks();
      watch_table.pc = exit.pc.value;
    } else if (look_at_access(w, from, to, window, exit) && watch_table.mode == WatchMode::stop) {
      leave = true;
    }
  }
  window.regs.rip = exit.pc.value + exit.length;
  if (!leave) return 1;
  window.exit_id = static_cast<u64>(exit_watch_hit);
  return 0;
}

}  // namespace

u64 check_watched(StateWindow& window, const Exit& exit) {
  ++watch_table.checks;
  const bool behind = (exit.access & access_behind) != 0;
  if (watch_table.mode == WatchMode::off) {
    if (behind) window.regs.rip += exit.length;
    return 1;
  }
  const u64 address = window.access_address;
  return behind ? check_behind(window, address, exit) : check_before(window.regs, address, exit);
}

}  // namespace fred
