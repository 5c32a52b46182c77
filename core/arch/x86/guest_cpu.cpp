#include "core/arch/x86/guest_cpu.h"

#include <cpuid.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/arch/x86/segment_base.h"

namespace fred {

namespace {

CpuidResult real_cpuid(u32 leaf, u32 subleaf) {
  CpuidResult r;
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
  return r;
}

// Feature bits by level (x86-64 psABI, "micro-architecture levels"), and those beside them that guests may
// use because their effects are architectural and every processor of the level has them.
// Leaf 1 ECX.
constexpr u32 sse3 = 1 << 0, pclmul = 1 << 1, ssse3 = 1 << 9, fma = 1 << 12, cx16 = 1 << 13, sse41 = 1 << 19,
              sse42 = 1 << 20, movbe = 1 << 22, popcnt = 1 << 23, aes = 1 << 25, xsave = 1 << 26, osxsave = 1 << 27,
              avx = 1 << 28, f16c = 1 << 29, rdrand = 1 << 30, hypervisor = 1u << 31;
constexpr u32 ecx_v1 = hypervisor | rdrand;
constexpr u32 ecx_v2 = ecx_v1 | sse3 | pclmul | ssse3 | cx16 | sse41 | sse42 | popcnt | aes | xsave | osxsave;
constexpr u32 ecx_v3 = ecx_v2 | fma | movbe | avx | f16c;
// Leaf 7 EBX: never TSX (rtm, hle), SGX, PT, MPX; v3 only what AVX2 machines share.
constexpr u32 fsgsbase = 1 << 0, bmi1 = 1 << 3, avx2 = 1 << 5, bmi2 = 1 << 8, erms = 1 << 9, rdseed = 1 << 18,
              adx = 1 << 19, hle = 1 << 4, rtm = 1 << 11;
constexpr u32 ebx7_v1 = fsgsbase | erms;
constexpr u32 ebx7_v3 = ebx7_v1 | bmi1 | avx2 | bmi2 | rdseed | adx;
// Leaf 7 ECX/EDX of native: without what the engine does not carry (AMX, CET, user interrupts, PKU).
constexpr u32 ecx7_never = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7;               // pku ospke waitpkg shstk
constexpr u32 edx7_never = 1 << 5 | 1 << 20 | 1 << 22 | 1 << 24 | 1 << 25;  // uintr ibt amx-*
// Leaf 0x80000001 ECX: lahf, lzcnt, 3dnowprefetch.
constexpr u32 lahf = 1 << 0, lzcnt = 1 << 5, prefetchw = 1 << 8;
constexpr u32 xsaveopt = 1 << 0, xsavec = 1 << 1, xgetbv1 = 1 << 2;

}  // namespace

Result<CpuLevel> parse_cpu_level(std::string_view text) {
  if (text == "x86-64" || text == "x86-64-v1") return CpuLevel::v1;
  if (text == "x86-64-v2") return CpuLevel::v2;
  if (text == "x86-64-v3") return CpuLevel::v3;
  if (text == "x86-64-v4") return CpuLevel::v4;
  if (text == "native") return CpuLevel::native;
  return fail("--cpu: one of x86-64, x86-64-v2, x86-64-v3, x86-64-v4, native");
}

XsaveComponent xsave_component(u32 number) {
  if (number == 0) return {0, 160};
  if (number == 1) return {160, 256};
  static const auto known = [] {  // cpuid is slow in virtual machines
    std::array<XsaveComponent, 32> components;
    for (u32 n = 2; n < components.size(); ++n) {
      const auto r = real_cpuid(0xd, n);
      components[n] = {r.ebx, r.eax};
    }
    return components;
  }();
  return known[number];
}

GuestCpu::GuestCpu(CpuLevel level) : level_(level) {
  u32 low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  xcr0_ = low & (level <= CpuLevel::v2 ? 0x3 : level == CpuLevel::v3 ? 0x7 : 0xe7);
  xsave_size_ = 576;
  for (u32 c = 2; c < 32; ++c) {
    if ((xcr0_ >> c & 1) == 0) continue;
    const auto component = xsave_component(c);
    xsave_size_ = std::max(xsave_size_, component.offset + component.size);
  }
}

u64 GuestCpu::hwcap2() const { return uses_fsgsbase() ? 2 : 0; }  // HWCAP2_FSGSBASE

CpuidResult GuestCpu::cpuid(u32 leaf, u32 subleaf) const {
  auto r = real_cpuid(leaf, subleaf);
  const bool full = level_ >= CpuLevel::v4;
  switch (leaf) {
    case 0:
      r.eax = std::min(r.eax, full ? 0x1fu : 0xdu);
      break;
    case 1:
      if (!full) r.ecx &= level_ == CpuLevel::v3 ? ecx_v3 : level_ == CpuLevel::v2 ? ecx_v2 : ecx_v1;
      r.ebx &= 0x0000ffff;  // the initial APIC id and processor count are the machine's
      r.ebx |= 1 << 16;
      break;
    case 7:
      if (subleaf == 0) {
        r.ebx &= ~(hle | rtm);
        r.ecx &= ~ecx7_never;
        r.edx &= ~edx7_never;
        if (!full) {
          r.eax = 0;
          r.ebx &= level_ == CpuLevel::v3 ? ebx7_v3 : ebx7_v1;
          r.ecx = r.edx = 0;
        }
      } else if (!full) {
        r = {};
      } else if (subleaf == 1) {
        r.eax &= ~(1u << 21);  // amx-fp16
        r.edx = 0;
      }
      break;
    case 0xb:
    case 0x1f:
      r = {0, 0, subleaf & 0xff, 0};
      break;
    case 0xd:
      if (subleaf == 0) {
        r = {.eax = static_cast<u32>(xcr0_), .ebx = xsave_size_, .ecx = xsave_size_, .edx = 0};
      } else if (subleaf == 1) {
        r = {.eax = r.eax & (xsaveopt | xsavec | xgetbv1), .ebx = xsave_size_, .ecx = 0, .edx = 0};
      } else if (subleaf >= 32 || (xcr0_ >> subleaf & 1) == 0) {
        r = {};
      }
      break;
    case 0x80000001:
      if (!full) r.ecx &= level_ == CpuLevel::v3 ? lahf | lzcnt | prefetchw : level_ == CpuLevel::v2 ? lahf : 0;
      break;
    default:
      // AMX, PT, SGX and other leaves that describe what the guest does not have.
      if ((leaf >= 0xe && leaf < 0x40000000) || (leaf >= 0x40000000 && leaf < 0x80000000)) r = {};
      break;
  }
  return r;
}

namespace {
u32 processor_mxcsr_mask() {
  alignas(16) u8 image[512] = {};
  asm volatile("fxsave64 %0" : "=m"(image));
  u32 mask;
  std::memcpy(&mask, image + 28, sizeof mask);
  return mask != 0 ? mask : 0xffbf;  // what 0 stands for
}
}  // namespace

void canonicalise_vector_area(u8* area, u64 mask) {
  u64 present;
  std::memcpy(&present, area + 512, 8);
  if ((present & 1) == 0) {
    std::memset(area, 0, 24);
    std::memset(area + 32, 0, 128);
    const u16 fcw = 0x37f;
    std::memcpy(area, &fcw, sizeof fcw);
  }
  if ((present & 2) == 0) std::memset(area + 160, 0, 256);
  for (u32 c = 2; c < 32; ++c) {
    if ((mask >> c & 1) == 0 || (present >> c & 1) != 0) continue;
    const auto component = xsave_component(c);
    std::memset(area + component.offset, 0, component.size);
  }
  std::memset(area + 6, 0, 18);  // FOP, FIP, FDP: where the last x87 instruction was, in the cache
  // MXCSR_MASK is a constant of the processor, which XSAVEOPT may leave out.
  static const u32 mxcsr_mask = processor_mxcsr_mask();
  std::memcpy(area + 28, &mxcsr_mask, sizeof mxcsr_mask);
  std::memset(area + 416, 0, 96);
  std::memset(area + 520, 0, 56);
}

bool processor_is_intel() {
  static const bool intel = [] {
    const auto r = real_cpuid(0, 0);
    return r.ebx == signature_INTEL_ebx && r.ecx == signature_INTEL_ecx && r.edx == signature_INTEL_edx;
  }();
  return intel;
}

}  // namespace fred
