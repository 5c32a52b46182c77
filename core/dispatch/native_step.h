// Executes guest instructions natively, one at a time, with the processor's single step: for --lockstep.
#pragma once
#include <optional>

#include "core/arch/x86/state_window.h"
#include "core/signals/kernel_signals.h"

namespace fred {

/// Executes the instruction at regs.rip (of a repeated string instruction one iteration) and leaves the
/// state behind it in `regs` and in `vector`, an XSAVE area in the standard format of `vector_size` bytes.
/// GS is the process's own. The fault if it had one; then the state is the one before.
/// The instruction's pages must be executable. It may not be one of the engine's to carry out.
std::optional<GuestFault> step_natively(Registers& regs, u8* vector, u64 vector_size);

/// For the kernel signal handler: true if the signal belonged to a native step.
bool native_step_signal(int signal, const siginfo_t& info, void* context);

}  // namespace fred
