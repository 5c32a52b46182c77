// What the signal handler of one kernel thread writes: one waiting signal, and that its thread is to come out of where
// it is. Every kernel thread has one; it lies at the bottom of its alternate stack, where the handler finds it without
// any register or segment that might be the guest's.
#pragma once
#include <csignal>

#include "core/base/types.h"

namespace fred {

/// A signal as the kernel gave it.
struct KernelSignal {
  int number = 0;
  siginfo_t info = {};
};

struct SignalSlot {
  KernelSignal pending;
  volatile u64 has_pending = 0;   // 1: a signal waits, and all are blocked; kernel_entry.S looks at it too
  u64 request = 0;                // not 0: no blocking call of the guest begins (kernel_entry.S)
  volatile bool has_turn = true;  // the thread runs guest or engine code: its requests go to the state window too
};

}  // namespace fred
