#include "core/arch/x86/vector_compare.h"

#include <fmt/format.h>

#include <cstring>
#include <vector>

#include "core/arch/x86/guest_cpu.h"

namespace fred {

namespace {

/// A run of registers, or one field, of the area. Numbered if there are several.
struct Part {
  const char* name;
  u32 offset, size, count;
};

constexpr Part legacy_parts[] = {
    {"x87 control word", 0, 2, 1},
    {"x87 status word", 2, 2, 1},
    {"x87 tags", 4, 1, 1},
    {"mxcsr", 24, 4, 1},
    {"st", 32, 16, 8},
    {"xmm", 160, 16, 16},
};

constexpr struct {
  u32 component;
  const char* name;
  u32 size, count, first;
} components[] = {
    {2, "upper half of ymm", 16, 16, 0},
    {5, "k", 8, 8, 0},
    {6, "upper half of zmm", 32, 16, 0},
    {7, "zmm", 64, 16, 16},
    {9, "pkru", 4, 1, 0},
};

std::string hex(const u8* bytes, u64 size) {
  std::string text;
  for (u64 i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace

std::optional<VectorDifference> vector_difference(const u8* first, const u8* second, u64 size, u64 mask) {
  std::vector<u8> a(first, first + size), b(second, second + size);
  canonicalise_vector_area(a.data(), mask);
  canonicalise_vector_area(b.data(), mask);
  const auto compare = [&](const char* name, u64 at, u64 each, u32 count, u32 from) -> std::optional<VectorDifference> {
    for (u32 i = 0; i < count; ++i, at += each) {
      if (std::memcmp(&a[at], &b[at], each) == 0) continue;
      return VectorDifference{count == 1 ? name : fmt::format("{}{}", name, from + i), hex(&a[at], each),
                              hex(&b[at], each)};
    }
    return std::nullopt;
  };
  for (const auto& p : legacy_parts) {
    if (auto d = compare(p.name, p.offset, p.size, p.count, 0)) return d;
  }
  for (const auto& c : components) {
    if ((mask >> c.component & 1) == 0) continue;
    if (auto d = compare(c.name, xsave_component(c.component).offset, c.size, c.count, c.first)) return d;
  }
  return std::nullopt;
}

}  // namespace fred
