// What a running program is at the moment at which an engine takes it over in its own process (docs/ATTACH.md). Whoever
// stops the program writes it (cli/attach/); the engine, started within the process, reads it. What the kernel keeps
// for the process (descriptors, dispositions, pending signals, timers, limits) is not here: it stays where it is.
#pragma once
#include <string>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/base/error.h"
#include "core/signals/guest_signals.h"

namespace fred {

struct AdoptedThread {
  i32 tid = 0;
  Registers registers = {};  // rip lies at an instruction that is executed next: an interrupted call begins anew
  std::vector<u8> vector;    // XSAVE area, standard format, as ptrace gives it
  u64 mask = 0;
  GuestAltStack alt_stack;
  GuestAddr robust_list, clear_tid;
  std::string comm;
};

struct AdoptedState {
  static constexpr u32 version = 1;

  std::string smaps;  // /proc/PID/smaps before anything of the engine's was mapped
  u64 brk = 0, heap_begin = 0, initial_sp = 0;
  /// A page behind the heap that keeps the kernel's brk, which the engine's libc may call, from growing; empty: none.
  GuestRange heap_guard;
  GuestRange vdso;
  std::string exe;
  std::vector<u8> auxv;
  std::vector<std::string> args, env;
  GuestRange args_area, env_area;
  std::vector<AdoptedThread> threads;  // that of the process id first: the engine runs there

  std::vector<u8> serialise() const;
  static Result<AdoptedState> deserialise(std::span<const u8> bytes);
};

/// Where the kernel thread of a guest thread other than the first enters the engine: it comes with these registers and
/// all signals blocked.
struct ThreadEntry {
  i32 tid = 0;
  u64 pc = 0, sp = 0, argument = 0;  // rip, rsp, rdi
};

}  // namespace fred
