// What translated code calls when an access may concern watched memory. Plain data, written by Watches, and a
// function that is built without vector registers and calls nothing: the guest's are in place.
#pragma once
#include "core/arch/x86/condition_window.h"
#include "core/cache/code_cache.h"

namespace fred {

/// How an access of an instruction is described in its exit (Exit::access, Exit::access_size).
enum AccessFlag : u8 {
  access_reads = 1,
  access_writes = 2,
  access_behind = 4,    // the check runs behind the instruction, which was executed; else before it
  access_repeated = 8,  // a rep instruction: from rdi and/or rsi on, access_size is that of an element
  access_at_rdi = 16,   // of those: [rdi] is accessed; it is the one written if any is
  access_at_rsi = 32,   // [rsi] is read
};

/// One watched range.
struct Watched {
  u64 begin, end;
  u64 reach;                    // the largest end of this one and those before it
  u8* bytes;                    // as they were when last looked at
  u64 mapped;                   // how many of them were mapped, from the first on
  bool changes, reads, writes;  // what counts: another value, a read, a write of whatever value
  // What translated code has found.
  u64 count;
  bool fresh;           // since it was last handed over
  bool changed;         // the last: the value; else `before` holds all bytes, if they are few
  u64 ticks, pc, next;  // of the last: the instruction, and the one behind it
  u64 offset, size;     // the bytes it accessed, and their values before
  u8 before[64];
};

/// A register that a condition is about.
struct WatchedRegister {
  Gpr gpr{};
  bool here = false;  // the condition concerns the thread that runs
  // What translated code has found.
  u64 count = 0;
  bool fresh = false;                                    // since it was last handed over
  u64 ticks = 0, pc = 0, next = 0, before = 0, now = 0;  // of the last change: the instruction, the one behind it
};

enum class WatchMode : u8 { off, stop, note };

struct WatchTable {
  Watched* watched = nullptr;
  u64 count = 0;
  WatchedRegister* registers = nullptr;
  u64 register_count = 0;
  WatchMode mode = WatchMode::off;
  bool found = false;       // something is fresh
  bool incomplete = false;  // memory that was not mapped before was accessed at `ticks`, `pc`: compare all
  u64 ticks = 0, pc = 0;
  u64 checks = 0;  // how often translated code called
};

extern WatchTable watch_table;

/// The value that a watched register had when it was last looked at.
inline u64 known_value(const StateWindow& window, Gpr gpr) { return 0 - window.minus_known[gpr]; }
inline void set_known_value(StateWindow& window, Gpr gpr, u64 value) { window.minus_known[gpr] = 0 - value; }

/// Called by the light handler (core/dispatch/light.cpp) for exits of kind `watch`, as that describes. 0: the cache is
/// left. Before the instruction: it accesses what is watched, so it must be stepped. Behind it: something was found
/// that stops (exit_watch_hit).
u64 check_watched(StateWindow& window, const Exit& exit);

}  // namespace fred
