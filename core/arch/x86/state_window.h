// The state that translated code touches, in one small window at addresses below 2 GiB, of whose first page each code
// cache window has a view (state_memory.h). Its base is a run-time value, never a constant in emitted code's source.
// One guest thread runs at a time, so there is one window per process.
#pragma once
#include <array>
#include <cstddef>

#include "core/arch/x86/tick_counters.h"
#include "core/base/types.h"

namespace fred {

/// x86 encoding numbers of the general registers; also their order in Registers::gpr.
enum Gpr : u8 { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

/// A guest thread's integer state. Vector state lies in a VectorState beside it.
struct Registers {
  u64 gpr[16];
  u64 rip;
  u64 rflags;
  u64 fs_base;
  u64 gs_base;
  bool operator==(const Registers&) const = default;
};

inline constexpr u64 indirect_table_size = 1 << 16;

struct StateWindow {
  Registers regs;  // the running guest thread's, valid while it is not in the code cache
  // These and the counters lie in one cache line: calls and returns are some 5 % faster so (measured with fib).
  u64 spill_rcx;  // guest rcx within emitted sequences that use it
  u64 spill_rdx;
  TickCounters clock;
  u64 rep_start;        // rcx when the last `rep` string instruction was begun
  u64 exit_id;          // which exit of the cache was taken
  u64 indirect_target;  // guest address that an indirect transfer wanted (exit IndirectMiss)
  u64 entry;            // cache address to enter at
  u64 engine_rsp;
  u64 engine_fs;
  u64 vector_area;  // address of the XSAVE area of the running guest thread
  u64 vector_mask;  // XCR0 components saved there
  u64 request;      // not 0: a signal or command wants the thread out of the cache
  u64 engine_mxcsr;
  u64 light_handler;    // C function for the light exits (core/dispatch/light.h)
  u64 lookup_handler;   // C function for misses of the table (core/dispatch/light_lookup.h)
  u64 light_lookups;    // misses of the table that it answered
  u64 access_address;   // of the access that is being checked for the session's watches
  u64 at_rest;          // not 0: guest code runs, or the kernel carries out a call of the guest's: the engine is whole
  u64 pauses_left;      // until ExitKind::spins; 0: no end
  u64 minus_known[16];  // the negated values of watched registers when they were last looked at
  /// Code cache address of the indirect entry of the block whose guest address has these low 16 bits;
  /// the miss stub where there is none. The entry itself verifies that it was meant.
  alignas(4096) u64 indirect_table[indirect_table_size];

  u64 ticks() const { return clock.now(); }
};

/// Where a field lies in the window's first page, of which each code cache window has a view (state_memory.h).
template <class Field>
u32 window_slot(const Field& field) {
  return static_cast<u32>(reinterpret_cast<u64>(&field) % page_size);
}
/// The absolute address of a field, for operands with an index, which cannot be rip-relative.
template <class Field>
u32 low_address(const Field& field) {
  return static_cast<u32>(reinterpret_cast<u64>(&field));
}

}  // namespace fred
