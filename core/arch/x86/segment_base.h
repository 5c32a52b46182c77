// The bases of FS and GS. The kernel allows the instructions for them (FSGSBASE, since Linux 5.9) where the processor
// has them, and says so in AT_HWCAP2; elsewhere each access is an arch_prctl.
#pragma once
#include "core/base/types.h"

extern "C" {
/// Not 0: the instructions are used. Also read by assembly.
extern fred::u8 fred_fsgsbase;
fred::u64 fred_read_fs_base();
void fred_write_fs_base(fred::u64 base);
fred::u64 fred_read_gs_base();
void fred_write_gs_base(fred::u64 base);
}

namespace fred {

inline bool uses_fsgsbase() { return fred_fsgsbase != 0; }
/// For the off switch; before any code is emitted. The guest is told what we do: no FSGSBASE in its AT_HWCAP2.
void use_no_fsgsbase();

}  // namespace fred
