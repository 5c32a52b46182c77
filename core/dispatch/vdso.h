// The guest's vDSO: a small ELF image of the engine's own. Its functions are ordinary system calls, so that
// what they return is recorded like any other; its clock functions are recognised by the dispatcher and take
// a short way (core/dispatch/fast_clock.h).
#pragma once
#include <span>

#include "core/base/types.h"

namespace fred {

/// The bytes to map; whole pages.
std::span<const u8> vdso_image();

}  // namespace fred
