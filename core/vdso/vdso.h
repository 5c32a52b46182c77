// The guest's vDSO: a small ELF image of the engine's own (functions.S). Its functions are ordinary system
// calls, so what they return is recorded like any other; those of the clock take a short way
// (core/dispatch/light.h).
#pragma once
#include <span>

#include "core/base/types.h"

namespace fred {

/// The bytes to map; whole pages.
std::span<const u8> vdso_image();

}  // namespace fred
