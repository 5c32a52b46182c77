// Executes a case natively, in this process: its faults come back as the outcome.
#pragma once
#include "core/dispatch/cpu.h"
#include "tests/fuzz/case.h"

namespace fred::fuzz {

/// Takes over the handlers that install_kernel_signals installed; what is not native code's goes on to them.
void install_native_signals();

/// Runs the case from its first instruction to its fault. `vector` is a 64-byte aligned XSAVE area that may
/// be changed. False: it did not end in time (a loop).
bool run_native(const Case& c, const Places& places, u8* vector, Cpu& cpu, Outcome& outcome);

}  // namespace fred::fuzz
