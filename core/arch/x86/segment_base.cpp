#include "core/arch/x86/segment_base.h"

#include <sys/auxv.h>

namespace {
constexpr unsigned long hwcap2_fsgsbase = 2;
}

fred::u8 fred_fsgsbase = (getauxval(AT_HWCAP2) & hwcap2_fsgsbase) != 0;

namespace fred {

void use_no_fsgsbase() { fred_fsgsbase = 0; }

}  // namespace fred
