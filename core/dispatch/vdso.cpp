#include "core/dispatch/vdso.h"

namespace fred {

std::span<const u8> vdso_image() { return {}; }

}  // namespace fred
