// The processor that the guest sees: x86-64-v3 at most by default, so that a recording can travel. What
// cpuid, xgetbv and the signal frame say is decided here.
#pragma once
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

enum class CpuLevel : u8 { v1, v2, v3, v4, native };
Result<CpuLevel> parse_cpu_level(std::string_view text);  // x86-64, x86-64-v2, …, native

struct CpuidResult {
  u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
};

class GuestCpu {
 public:
  explicit GuestCpu(CpuLevel level);
  /// What the guest gets for cpuid with these eax and ecx.
  CpuidResult cpuid(u32 leaf, u32 subleaf) const;
  /// XCR0 as the guest sees it.
  u64 xcr0() const { return xcr0_; }
  /// Size of the guest's XSAVE area in the standard format, for all of xcr0().
  u32 xsave_size() const { return xsave_size_; }
  /// AT_HWCAP and AT_HWCAP2.
  u64 hwcap() const { return cpuid(1, 0).edx; }
  u64 hwcap2() const;

 private:
  CpuLevel level_;
  u64 xcr0_;
  u32 xsave_size_;
};

/// Where a component lies in the standard XSAVE format, as the processor tells: {offset, size}.
struct XsaveComponent {
  u32 offset = 0, size = 0;
};
XsaveComponent xsave_component(u32 number);

/// Puts components that are in their initial state into the area as such (XSAVEOPT leaves their bytes
/// out): the canonical form. XSTATE_BV stays, so that what is initial stays cheap to save. FIP, FDP and
/// FOP become 0.
void canonicalise_vector_area(u8* area, u64 mask);

/// Is the real processor one of Intel's?
bool processor_is_intel();

}  // namespace fred
