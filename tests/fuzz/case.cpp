#include "tests/fuzz/case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"
#include "core/translate/instruction.h"

namespace fred::fuzz {

namespace {

constexpr const char* register_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                            "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr const char* region_names[regions] = {"code",  "near data", "data far above", "data far below",
                                               "table", "scratch",   "stack"};
constexpr u64 resume_flag = 0x10000;  // a fault's saved flags have it or not, as the processor likes

/// The parts of the XSAVE area that are compared, by name.
struct Part {
  const char* name;
  u32 offset, size;
};
constexpr Part legacy_parts[] = {{"x87 control word", 0, 2}, {"x87 status word", 2, 2},  {"x87 tags", 4, 1},
                                 {"mxcsr", 24, 4},           {"x87 registers", 32, 128}, {"xmm", 160, 256}};
constexpr const char* component_names[] = {"", "", "ymm", "", "", "k", "zmm (upper half)", "zmm16-31", "", "pkru"};

void compare_bytes(std::string& out, const std::string& what, const u8* a, const u8* b, u64 size) {
  if (std::memcmp(a, b, size) == 0) return;
  const auto at = static_cast<u64>(std::mismatch(a, a + size, b).first - a);
  const u64 shown = std::min<u64>(size - at, 16);
  out += fmt::format("  {}+{:#x}: native", what, at);
  for (u64 i = 0; i < shown; ++i) out += fmt::format(" {:02x}", a[at + i]);
  out += ", translated";
  for (u64 i = 0; i < shown; ++i) out += fmt::format(" {:02x}", b[at + i]);
  out += '\n';
}

void compare_vector(std::string& out, const Outcome& native, const Outcome& translated, u64 mask) {
  std::vector<u8> a = native.vector, b = translated.vector;
  canonicalise_vector_area(a.data(), mask);
  canonicalise_vector_area(b.data(), mask);
  for (const auto& p : legacy_parts) compare_bytes(out, p.name, &a[p.offset], &b[p.offset], p.size);
  for (u32 n = 2; n < std::size(component_names); ++n) {
    if ((mask >> n & 1) == 0) continue;
    const auto c = xsave_component(n);
    compare_bytes(out, component_names[n], &a[c.offset], &b[c.offset], c.size);
  }
}

}  // namespace

bool non_canonical_transfer(const Outcome& native, const Outcome& translated) {
  constexpr u64 trap_gp = 13;
  const u64 rip = translated.registers.rip;
  return translated.fetch && rip >= u64{1} << 47 && rip < ~u64{0} << 47 && native.trap == trap_gp &&
         native.registers.rip != rip;
}

std::string difference(const Outcome& native, const Outcome& translated, u64 vector_mask) {
  std::string out;
  const auto number = [&](const char* name, u64 a, u64 b) {
    if (a != b) out += fmt::format("  {}: native {:#x}, translated {:#x}\n", name, a, b);
  };
  const bool known = non_canonical_transfer(native, translated);
  if (!known) number("rip", native.registers.rip, translated.registers.rip);
  if (!translated.fetch) {
    number("signal", static_cast<u64>(native.signal), static_cast<u64>(translated.signal));
    number("si_code", static_cast<u64>(native.code), static_cast<u64>(translated.code));
    number("si_addr", native.address, translated.address);
    number("trap", native.trap, translated.trap);
    number("error", native.error, translated.error);
  }
  for (int r = 0; r < 16; ++r) {
    if (known && r == rsp) continue;
    number(register_names[r], native.registers.gpr[r], translated.registers.gpr[r]);
  }
  number("rflags", native.registers.rflags & ~resume_flag, translated.registers.rflags & ~resume_flag);
  compare_vector(out, native, translated, vector_mask);
  for (u32 r = 0; r < regions; ++r) {
    if (!native.memory[r].empty() && !(known && r == static_cast<u32>(Region::stack))) {
      compare_bytes(out, region_names[r], native.memory[r].data(), translated.memory[r].data(),
                    native.memory[r].size());
    }
  }
  return out;
}

std::string describe(const Case& c, const Places& places) {
  std::string out;
  for (int r = 0; r < 16; ++r) {
    out += fmt::format("{}{:>4} {:016x}", r % 4 == 0 ? "\n " : "  ", register_names[r], c.registers.gpr[r]);
  }
  out += fmt::format("\n  rflags {:x}  fs {:x}  mxcsr", c.registers.rflags, c.registers.fs_base);
  for (const u64 at : {24, 25}) out += fmt::format(" {:02x}", c.vector[at]);
  out += fmt::format("  fcw {:02x}{:02x}\n", c.vector[1], c.vector[0]);
  ZydisFormatter formatter;
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
  for (std::size_t k = 0; k < c.items.size(); ++k) {
    const u32 begin = c.items[k], end = k + 1 < c.items.size() ? c.items[k + 1] : static_cast<u32>(c.code.size());
    const auto pc = places[Region::code] + c.offset + begin;
    const std::span code{&c.code[begin], end - begin};
    if (std::all_of(code.begin(), code.end(), [](u8 b) { return b == 0x90; })) continue;
    std::string bytes, text = "(no instruction)";
    for (const u8 b : code) bytes += fmt::format("{:02x} ", b);
    if (const auto i = decode(pc, code)) {
      const auto operands = decode_operands(*i, code);
      char line[160];
      ZydisFormatterFormatInstruction(&formatter, &i->raw, operands.operand, i->raw.operand_count_visible, line,
                                      sizeof line, pc.value, nullptr);
      text = line;
    }
    out += fmt::format("  {:#x}  {:<46}{}\n", pc.value, bytes, text);
  }
  return out;
}

}  // namespace fred::fuzz
