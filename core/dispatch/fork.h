// Forking the engine's process: a snapshot, a worker, a child of the guest.
#pragma once
#include "core/dispatch/cpu.h"

namespace fred {

/// clone(2) without CLONE_VM: the child has a copy of all of the engine's memory, the shared page of the state window
/// included. All signals are blocked afterwards, in both. FS stays the engine's, whatever
/// `flags` say. The kernel's result, or -ENOMEM.
i64 fork_engine(Cpu& cpu, u64 flags, u64 parent_tid = 0, u64 child_tid = 0);

/// The same, but the child is no child of this process: it goes to whoever takes orphans. No wait of the guest's sees
/// it.
i64 fork_engine_orphan(Cpu& cpu);

}  // namespace fred
