#include "core/vdso/vdso.h"

extern "C" const fred::u8 fred_vdso_begin[], fred_vdso_end[];

namespace fred {

std::span<const u8> vdso_image() { return {fred_vdso_begin, fred_vdso_end}; }

}  // namespace fred
