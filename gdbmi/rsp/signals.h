// gdb numbers signals in its own way, the same on every system.
#pragma once
#include <optional>

#include "core/base/types.h"

namespace fred::remote {

/// 143 (GDB_SIGNAL_UNKNOWN) for one that gdb has no name for.
u8 gdb_signal(int linux_signal);
std::optional<int> linux_signal(u8 gdb_signal);

}  // namespace fred::remote
