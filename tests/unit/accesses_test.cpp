// Where instructions access memory, computed without executing them.
#include "core/translate/accesses.h"

#include <fmt/format.h>

#include <cstring>
#include <string>

#include "core/arch/x86/guest_cpu.h"
#include "tests/unit/test.h"

namespace fred {
namespace {

/// "r" or "w" or "rw", address and size of each, in the order found.
std::string touched(const std::vector<u8>& code, const Registers& registers, std::span<const u8> vectors = {}) {
  const auto i = decode(GuestAddr{0x1000}, code);
  REQUIRE(i);
  REQUIRE(i->length == code.size());
  std::string text;
  const auto add = [&](GuestRange range, bool reads, bool writes) {
    text += fmt::format("{}{}{}{:#x}+{}", text.empty() ? "" : " ", reads ? "r" : "", writes ? "w" : "",
                        range.begin.value, range.size());
  };
  const auto accesses = accesses_of(*i, code);
  for (const auto& a : accesses.all()) add(guest_range(GuestAddr{address_of(a, registers)}, a.size), a.reads, a.writes);
  if (!accesses.other) return text;
  for (const auto& t : other_accesses(*i, code, registers, vectors)) add(t.range, t.reads, t.writes);
  return text;
}

/// An XSAVE area as large as this processor's AVX-512 needs; empty if it has none.
std::vector<u8> area_of_avx512() {
  u64 end = 576;
  for (const u32 number : {2u, 5u, 6u, 7u}) {
    const auto component = xsave_component(number);
    if (component.size == 0) return {};
    end = std::max<u64>(end, component.offset + component.size);
  }
  return std::vector<u8>(end);
}

template <typename T>
void put(std::vector<u8>& area, u64 at, T value) {
  std::memcpy(&area[at], &value, sizeof value);
}

}  // namespace

TEST_CASE("accesses: movdir64b reads its operand and writes where its register points") {
  Registers regs{};
  regs.gpr[rbx] = 0x7'0000'1000;
  regs.gpr[rcx] = 0x8'0000'2000;
  regs.gpr[rsp] = 0x9000;
  regs.fs_base = 0x100000;
  CHECK(touched({0x66, 0x0f, 0x38, 0xf8, 0x0b}, regs) == "r0x700001000+64 w0x800002000+64");
  // 16(%ebx), %ecx: both addresses have 32 bits
  CHECK(touched({0x67, 0x66, 0x0f, 0x38, 0xf8, 0x4b, 0x10}, regs) == "r0x1010+64 w0x2000+64");
  // %fs:16(%rbx), %rcx: the prefix is for the source
  CHECK(touched({0x64, 0x66, 0x0f, 0x38, 0xf8, 0x4b, 0x10}, regs) == "r0x700101010+64 w0x800002000+64");
  // (%rbx), %rsp is no push; 0x20(%rip), %rcx
  CHECK(touched({0x66, 0x0f, 0x38, 0xf8, 0x23}, regs) == "r0x700001000+64 w0x9000+64");
  CHECK(touched({0x66, 0x0f, 0x38, 0xf8, 0x0d, 0x20, 0, 0, 0}, regs) == "r0x1029+64 w0x800002000+64");
}

TEST_CASE("accesses: enter pushes, and copies enclosing frames") {
  Registers regs{};
  regs.gpr[rsp] = 0x9000;
  regs.gpr[rbp] = 0xa000;
  CHECK(touched({0xc8, 16, 0, 0}, regs) == "w0x8ff8+8");
  CHECK(touched({0xc8, 16, 0, 1}, regs) == "w0x8ff0+16");
  CHECK(touched({0xc8, 16, 0, 2}, regs) == "w0x8fe8+24 r0x9ff8+8");
  CHECK(touched({0xc8, 16, 0, 32 + 4}, regs) == "w0x8fd8+40 r0x9fe8+24");  // the level modulo 32
  CHECK(touched({0x66, 0xc8, 16, 0, 4}, regs) == "w0x8ff6+10 r0x9ffa+6");
}

TEST_CASE("accesses: gathers and scatters of AVX-512, element by element of the mask") {
  auto area = area_of_avx512();
  Registers regs{};
  regs.gpr[rax] = 0x10000;
  const std::vector<u8> gather = {0x62, 0xf2, 0x7d, 0x49, 0x90, 0x0c, 0xa0};  // vpgatherdd (%rax,%zmm4,4), %zmm1{%k1}
  if (area.empty()) {
    CHECK(touched(gather, regs, std::vector<u8>(832)).empty());
    return;
  }
  const u64 masks = xsave_component(5).offset, upper = xsave_component(6).offset, high = xsave_component(7).offset;
  put<u64>(area, masks + 8, 1 << 0 | 1 << 5 | 1 << 9 | 1 << 15 | 1 << 16);
  put<i32>(area, 160 + 4 * 16, 1);                             // zmm4: elements 0,
  put<i32>(area, xsave_component(2).offset + 4 * 16 + 4, -2);  // 5,
  put<i32>(area, upper + 4 * 32 + 4, 0x1000);                  // 9,
  put<i32>(area, upper + 4 * 32 + 28, -0x4000);                // 15
  CHECK(touched(gather, regs, area) == "r0x10004+4 r0xfff8+4 r0x14000+4 r0x0+4");
  // vpscatterdd %zmm1, (%rax,%zmm4,4){%k1}
  CHECK(touched({0x62, 0xf2, 0x7d, 0x49, 0xa0, 0x0c, 0xa0}, regs, area) == "w0x10004+4 w0xfff8+4 w0x14000+4 w0x0+4");
  // vgatherdpd 8(%rax,%xmm4,4), %ymm1{%k1}: four elements of 8 bytes, and four indices
  CHECK(touched({0x62, 0xf2, 0xfd, 0x29, 0x92, 0x4c, 0xa0, 0x01}, regs, area) == "r0x1000c+8");
  // vpgatherdd 16(%rax,%zmm18,4), %zmm17{%k1}
  put<i32>(area, high + 2 * 64 + 9 * 4, 3);
  CHECK(touched({0x62, 0xe2, 0x7d, 0x41, 0x90, 0x4c, 0x90, 0x04}, regs, area) ==
        "r0x10010+4 r0x10010+4 r0x1001c+4 r0x10010+4");
  // The area of a kernel that does not let programs have AVX-512
  CHECK(touched(gather, regs, std::span(area).first(832)).empty());
}

}  // namespace fred
