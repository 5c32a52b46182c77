// Maps a planned program into the guest, as the kernel's ELF loader does.
#pragma once
#include <span>

#include "core/elf/load_plan.h"

namespace fred {

/// Where things came to lie: what the initial stack tells the program, and where it starts.
struct LoadedProgram {
  GuestAddr start;             // the first instruction: the interpreter's entry, or the program's
  GuestAddr entry;             // AT_ENTRY
  GuestAddr headers;           // AT_PHDR
  u16 header_count = 0;        // AT_PHNUM
  GuestAddr interpreter_base;  // AT_BASE; 0 if there is none
  GuestAddr vdso;              // AT_SYSINFO_EHDR; 0 if there is none
};

/// Maps executable, interpreter and vDSO (`vdso`: its bytes, at most some pages; empty: none) and sets the start of
/// the heap. The guest area must be empty (GuestMemory::clear_guest), which leaves no way back after an error.
/// Every mode alike; in live, `open` has the files that the plan was made from.
Result<LoadedProgram> apply_load_plan(Engine& engine, const OpenPlan& open, std::span<const u8> vdso);

}  // namespace fred
