// The vDSO that the kernel has mapped for a process.
#pragma once
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// A function of it.
struct VdsoFunction {
  GuestAddr at;
  u64 size = 0;
};
/// Where a vDSO that lies at `image` has this function; size 0: nowhere. No libc: a copy of its bytes may be asked too.
VdsoFunction find_vdso_function(const u8* image, std::string_view name);

/// In an adopted process (docs/ATTACH.md): has the functions of the kernel's vDSO be the system calls that they are
/// made to avoid, as those of our own are (functions.S). The program has their addresses, so they are changed in place.
Result<> make_vdso_calls(GuestRange vdso);

}  // namespace fred
