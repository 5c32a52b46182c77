#include "core/attach/adopt.h"

#include <sys/syscall.h>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/threads/threads.h"
#include "core/vdso/kernel_vdso.h"

namespace fred {

Result<std::vector<ThreadEntry>> adopt(GuestEngine& engine, const AdoptedState& state) {
  const auto& first = state.threads.front();
  auto& process = engine.process();
  process.exe = state.exe;
  process.args = state.args;
  process.env = state.env;
  process.comm = first.comm;
  process.auxv = state.auxv;
  process.args_area = state.args_area;
  process.env_area = state.env_area;
  process.robust_list = first.robust_list;
  if (auto taken = engine.memory().adopt({.smaps = state.smaps,
                                          .heap_begin = GuestAddr{state.heap_begin},
                                          .brk = GuestAddr{state.brk},
                                          .initial_sp = GuestAddr{state.initial_sp},
                                          .heap_guard = state.heap_guard});
      !taken) {
    return std::unexpected(taken.error());
  }
  auto& signals = engine.signals().state();
  signals.mask = first.mask;
  signals.alt_stack = first.alt_stack;
  auto& cpu = engine.cpu();
  cpu.take_registers(first.registers);
  std::vector<u8> vector(cpu.vector_size());
  cpu.put_vector_state(vector.data(), first.vector);
  cpu.set_vector_state(vector);
  auto entries = engine.threads().adopt(first, std::span(state.threads).subspan(1));
  if (!entries) return entries;
  if (auto made = make_vdso_calls(state.vdso); !made) return std::unexpected(made.error());
  engine.memory().keep_in_forks();
  // The engine's libc has given the kernel a list of its own.
  raw_syscall(SYS_set_robust_list, first.robust_list.value, robust_list_size);
  return entries;
}

}  // namespace fred
