#include "tests/fuzz/features.h"

#include <cpuid.h>

#include <string_view>

namespace fred::fuzz {

namespace {

enum class Register : u8 { none, ebx, ecx, edx, eax };

/// A bit of cpuid.
struct Bit {
  u32 leaf = 0, subleaf = 0;
  Register reg = Register::none;
  u32 bit = 0;
};

bool present(const Bit& b) {
  if (b.reg == Register::none) return true;
  u32 eax, ebx, ecx, edx;
  if (__get_cpuid_count(b.leaf, b.subleaf, &eax, &ebx, &ecx, &edx) == 0) return false;
  const u32 value = b.reg == Register::ebx ? ebx : b.reg == Register::ecx ? ecx : b.reg == Register::edx ? edx : eax;
  return (value >> b.bit & 1) != 0;
}

/// Left out on purpose: what the system decides (virtualisation, keys, transactions, FS and GS bases) and
/// AMD's abandoned extensions.
constexpr struct {
  ZydisISAExt extension;
  Bit bit;
} extensions[] = {
    {ZYDIS_ISA_EXT_BASE, {}},
    {ZYDIS_ISA_EXT_LONGMODE, {}},
    {ZYDIS_ISA_EXT_X87, {}},
    {ZYDIS_ISA_EXT_MMX, {}},
    {ZYDIS_ISA_EXT_SSE, {}},
    {ZYDIS_ISA_EXT_SSE2, {}},
    {ZYDIS_ISA_EXT_PAUSE, {}},
    {ZYDIS_ISA_EXT_SSE3, {1, 0, Register::ecx, 0}},
    {ZYDIS_ISA_EXT_PCLMULQDQ, {1, 0, Register::ecx, 1}},
    {ZYDIS_ISA_EXT_SSSE3, {1, 0, Register::ecx, 9}},
    {ZYDIS_ISA_EXT_FMA, {1, 0, Register::ecx, 12}},
    {ZYDIS_ISA_EXT_SSE4, {1, 0, Register::ecx, 20}},
    {ZYDIS_ISA_EXT_MOVBE, {1, 0, Register::ecx, 22}},
    {ZYDIS_ISA_EXT_AES, {1, 0, Register::ecx, 25}},
    {ZYDIS_ISA_EXT_AVX, {1, 0, Register::ecx, 28}},
    {ZYDIS_ISA_EXT_AVXAES, {1, 0, Register::ecx, 25}},
    {ZYDIS_ISA_EXT_F16C, {1, 0, Register::ecx, 29}},
    {ZYDIS_ISA_EXT_CLFSH, {1, 0, Register::edx, 19}},
    {ZYDIS_ISA_EXT_BMI1, {7, 0, Register::ebx, 3}},
    {ZYDIS_ISA_EXT_AVX2, {7, 0, Register::ebx, 5}},
    {ZYDIS_ISA_EXT_BMI2, {7, 0, Register::ebx, 8}},
    {ZYDIS_ISA_EXT_ADOX_ADCX, {7, 0, Register::ebx, 19}},
    {ZYDIS_ISA_EXT_CLFLUSHOPT, {7, 0, Register::ebx, 23}},
    {ZYDIS_ISA_EXT_CLWB, {7, 0, Register::ebx, 24}},
    {ZYDIS_ISA_EXT_SHA, {7, 0, Register::ebx, 29}},
    {ZYDIS_ISA_EXT_GFNI, {7, 0, Register::ecx, 8}},
    {ZYDIS_ISA_EXT_VAES, {7, 0, Register::ecx, 9}},
    {ZYDIS_ISA_EXT_VPCLMULQDQ, {7, 0, Register::ecx, 10}},
    {ZYDIS_ISA_EXT_AVX_VNNI, {7, 1, Register::eax, 4}},
    {ZYDIS_ISA_EXT_LZCNT, {0x80000001, 0, Register::ecx, 5}},
    {ZYDIS_ISA_EXT_AMD3DNOW_PREFETCH, {0x80000001, 0, Register::ecx, 8}},
};

/// AVX-512's parts, by the start of the set's name. Sets that start with AVX512 and are not here are out.
constexpr struct {
  std::string_view start;
  Bit bit;
} avx512_sets[] = {
    {"AVX512F_", {7, 0, Register::ebx, 16}},          {"AVX512DQ_", {7, 0, Register::ebx, 17}},
    {"AVX512_IFMA_", {7, 0, Register::ebx, 21}},      {"AVX512CD_", {7, 0, Register::ebx, 28}},
    {"AVX512BW_", {7, 0, Register::ebx, 30}},         {"AVX512_VBMI_", {7, 0, Register::ecx, 1}},
    {"AVX512_VBMI2_", {7, 0, Register::ecx, 6}},      {"AVX512_GFNI_", {7, 0, Register::ecx, 8}},
    {"AVX512_VAES_", {7, 0, Register::ecx, 9}},       {"AVX512_VPCLMULQDQ_", {7, 0, Register::ecx, 10}},
    {"AVX512_VNNI_", {7, 0, Register::ecx, 11}},      {"AVX512_BITALG_", {7, 0, Register::ecx, 12}},
    {"AVX512_VPOPCNTDQ_", {7, 0, Register::ecx, 14}}, {"AVX512_BF16_", {7, 1, Register::eax, 5}},
    {"AVX512_FP16_", {7, 0, Register::edx, 23}},
};

}  // namespace

Features::Features(bool all) {
  avx512_ = all && present({7, 0, Register::ebx, 16}) && present({7, 0, Register::ebx, 31});
  for (const auto& e : extensions) extensions_[e.extension] = present(e.bit);
  extensions_[ZYDIS_ISA_EXT_AVX512EVEX] = extensions_[ZYDIS_ISA_EXT_AVX512VEX] = avx512_;
  for (int set = 0; set <= ZYDIS_ISA_SET_MAX_VALUE; ++set) {
    const std::string_view name = ZydisISASetGetString(static_cast<ZydisISASet>(set));
    if (!name.starts_with("AVX512")) {
      sets_.set(static_cast<std::size_t>(set));
      continue;
    }
    for (const auto& s : avx512_sets) {
      if (name.starts_with(s.start)) sets_[static_cast<std::size_t>(set)] = present(s.bit);
    }
  }
}

}  // namespace fred::fuzz
