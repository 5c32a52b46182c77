#include "core/dispatch/effects.h"

#include <immintrin.h>

#include <array>
#include <cstring>
#include <vector>

#include "core/arch/x86/segment_base.h"
#include "core/base/check.h"
#include "core/dispatch/foreign_access.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"

#pragma GCC target("rdrnd,rdseed")

namespace fred {

namespace {

constexpr u64 carry = 1, arithmetic_flags = 0x8d5, zero = 0x40, trap = 0x100;
/// What popf changes in user mode: CF PF AF ZF SF TF DF OF NT AC ID.
constexpr u64 popf_flags = 0x244dd5;
constexpr u64 trap_gp = 13, trap_pf = 14, trap_ud = 6, trap_bp = 3, trap_db = 1;

struct Context {
  GuestEngine& engine;
  const Exit& exit;
  Registers& regs;
  Instruction instruction;
  Operands operands;
};

using Handler = EffectResult (*)(Context&);

/// An event for what the processor decides: `ask` fills the values in live, the log in a worker.
template <class Values, class Ask>
Values recorded(Context& c, Ask&& ask) {
  auto& events = c.engine.events();
  events.begin(EventKind::instruction, static_cast<u32>(c.exit.effect), c.engine.now(), c.regs);
  Values values{};
  if (events.mode() != Mode::replay) values = ask();
  events.value(&values, sizeof values);
  events.end();
  return values;
}

EffectResult segfault(GuestAddr at, bool write) {
  return {.done = false,
          .signal = SIGSEGV,
          .code = SEGV_MAPERR,
          .trap_number = trap_pf,
          .error_code = write ? 6u : 4u,
          .fault_address = at};
}

std::optional<u64> register_value(const Registers& regs, ZydisRegister r) {
  if (r >= ZYDIS_REGISTER_RAX && r <= ZYDIS_REGISTER_R15) return regs.gpr[r - ZYDIS_REGISTER_RAX];
  if (r >= ZYDIS_REGISTER_EAX && r <= ZYDIS_REGISTER_R15D) return regs.gpr[r - ZYDIS_REGISTER_EAX] & 0xffffffff;
  return std::nullopt;
}

GuestAddr effective_address(const Context& c) {
  const auto& m = c.operands.operand[0].mem;
  u64 address = m.disp.has_displacement ? static_cast<u64>(m.disp.value) : 0;
  if (m.base == ZYDIS_REGISTER_RIP) {
    address += c.instruction.next().value;
  } else if (const auto base = register_value(c.regs, m.base)) {
    address += *base;
  }
  if (const auto index = register_value(c.regs, m.index)) address += *index * m.scale;
  if (c.instruction.raw.address_width == 32) address &= 0xffffffff;
  if (m.segment == ZYDIS_REGISTER_FS) address += c.regs.fs_base;
  if (m.segment == ZYDIS_REGISTER_GS) address += fred_read_gs_base();
  return GuestAddr{address};
}

void set_eax_edx(Registers& regs, u64 value) {
  regs.gpr[rax] = value & 0xffffffff;
  regs.gpr[rdx] = value >> 32;
}

EffectResult do_rdtsc(Context& c) {
  set_eax_edx(c.regs, recorded<u64>(c, [] { return __rdtsc(); }));
  return {};
}

EffectResult do_rdtscp(Context& c) {
  struct Values {
    u64 tsc, aux;
  };
  const auto v = recorded<Values>(c, [] {
    unsigned aux;
    const u64 tsc = __rdtscp(&aux);
    return Values{tsc, aux};
  });
  set_eax_edx(c.regs, v.tsc);
  c.regs.gpr[rcx] = v.aux & 0xffffffff;
  return {};
}

EffectResult do_rdpid(Context& c) {
  const u64 aux = recorded<u64>(c, [] {
    unsigned value;
    __rdtscp(&value);
    return u64{value};
  });
  const auto r = c.operands.operand[0].reg.value;
  const int index = r >= ZYDIS_REGISTER_RAX ? r - ZYDIS_REGISTER_RAX : r - ZYDIS_REGISTER_EAX;
  c.regs.gpr[index] = aux;
  return {};
}

EffectResult do_random(Context& c) {
  struct Values {
    u64 value, ok;
  };
  const bool seed = c.instruction.raw.mnemonic == ZYDIS_MNEMONIC_RDSEED;
  const auto v = recorded<Values>(c, [seed] {
    u64 value = 0;
    u8 ok;
    if (seed) {
      asm volatile("rdseed %0; setc %1" : "=r"(value), "=qm"(ok)::"cc");
    } else {
      asm volatile("rdrand %0; setc %1" : "=r"(value), "=qm"(ok)::"cc");
    }
    return Values{value, ok};
  });
  const auto r = c.operands.operand[0].reg.value;
  if (r >= ZYDIS_REGISTER_RAX && r <= ZYDIS_REGISTER_R15) {
    c.regs.gpr[r - ZYDIS_REGISTER_RAX] = v.value;
  } else if (r >= ZYDIS_REGISTER_EAX && r <= ZYDIS_REGISTER_R15D) {
    c.regs.gpr[r - ZYDIS_REGISTER_EAX] = v.value & 0xffffffff;
  } else {
    auto& g = c.regs.gpr[r - ZYDIS_REGISTER_AX];
    g = (g & ~u64{0xffff}) | (v.value & 0xffff);
  }
  c.regs.rflags = (c.regs.rflags & ~arithmetic_flags) | (v.ok != 0 ? carry : 0);
  return {};
}

EffectResult do_cpuid(Context& c) {
  const auto leaf = static_cast<u32>(c.regs.gpr[rax]), sub = static_cast<u32>(c.regs.gpr[rcx]);
  const auto v = recorded<CpuidResult>(c, [&] { return c.engine.guest_cpu().cpuid(leaf, sub); });
  c.regs.gpr[rax] = v.eax;
  c.regs.gpr[rbx] = v.ebx;
  c.regs.gpr[rcx] = v.ecx;
  c.regs.gpr[rdx] = v.edx;
  return {};
}

EffectResult do_xgetbv(Context& c) {
  const u64 which = c.regs.gpr[rcx] & 0xffffffff;
  if (which > 1)
    return {.done = false,
            .signal = SIGSEGV,
            .code = SI_KERNEL,
            .trap_number = trap_gp,
            .error_code = 0,
            .fault_address = {}};
  // 1 asks which components are in use: in the canonical form, all.
  set_eax_edx(c.regs, recorded<u64>(c, [&] { return c.engine.guest_cpu().xcr0(); }));
  return {};
}

EffectResult do_xbegin(Context& c) {
  // No transaction ever starts: it aborts at once, without a reason and without advice to retry.
  c.regs.gpr[rax] = 0;
  c.regs.rip = c.exit.pc.value;
  return {};
}

EffectResult do_xtest(Context& c) {
  c.regs.rflags = (c.regs.rflags & ~arithmetic_flags) | zero;  // not in a transaction
  return {};
}

/// The guest's vector state in memory, in the canonical form.
u8* canonical_vectors(const Context& c) {
  auto& cpu = c.engine.cpu();
  canonicalise_vector_area(cpu.vector_area(), cpu.vector_mask());
  return cpu.vector_area();
}

/// Writes the requested components; all of them count as in use.
EffectResult store_vector(Context& c, u64 components, bool compact) {
  const auto* from = canonical_vectors(c);
  const auto at = effective_address(c);
  if (at.value % 64 != 0)
    return {.done = false,
            .signal = SIGSEGV,
            .code = SI_KERNEL,
            .trap_number = trap_gp,
            .error_code = 0,
            .fault_address = {}};
  // The header's place keeps what it holds of other components (XSAVE) and is written whole otherwise.
  std::vector<u8> image(c.engine.guest_cpu().xsave_size());
  c.engine.foreign().reads(guest_range(at, image.size()));
  if (!guest_read(image.data(), at, image.size()) && !guest_read(image.data(), at, 576)) return segfault(at, true);
  if ((components & 1) != 0) {
    std::memcpy(&image[0], from, 24);
    std::memcpy(&image[32], from + 32, 128);
  }
  if ((components & 2) != 0) std::memcpy(&image[160], from + 160, 256);
  if ((components & 6) != 0) std::memcpy(&image[24], from + 24, 8);  // MXCSR and its mask
  u64 end = 576, compacted = 576;
  for (u32 n = 2; n < 32; ++n) {
    if ((components >> n & 1) == 0) continue;
    const auto part = xsave_component(n);
    const u64 to = compact ? compacted : part.offset;
    if (to + part.size > image.size()) image.resize(to + part.size);
    std::memcpy(&image[to], from + part.offset, part.size);
    compacted += part.size;
    end = std::max(end, to + part.size);
  }
  u64 present;
  std::memcpy(&present, &image[512], 8);
  if (compact) {
    const u64 header[2] = {components, components | u64{1} << 63};
    std::memcpy(&image[512], header, sizeof header);
  } else {
    present |= components;
    std::memcpy(&image[512], &present, 8);
  }
  if (!guest_store(at, image.data(), end)) return segfault(at, true);
  return {};
}

u64 requested_components(const Context& c) {
  const u64 mask = (c.regs.gpr[rax] & 0xffffffff) | c.regs.gpr[rdx] << 32;
  return mask & c.engine.guest_cpu().xcr0();
}

EffectResult do_xsave(Context& c) { return store_vector(c, requested_components(c), false); }
EffectResult do_xsavec(Context& c) { return store_vector(c, requested_components(c), true); }

EffectResult do_fxsave(Context& c) {
  const auto* from = canonical_vectors(c);
  const auto at = effective_address(c);
  if (at.value % 16 != 0)
    return {.done = false,
            .signal = SIGSEGV,
            .code = SI_KERNEL,
            .trap_number = trap_gp,
            .error_code = 0,
            .fault_address = {}};
  if (!guest_store(at, from, 416)) return segfault(at, true);
  return {};
}

/// The 28-byte environment of the x87, with no trace of where its last instruction was.
std::array<u8, 28> x87_environment(const u8* fx) {
  std::array<u8, 28> env{};
  u16 control, status;
  std::memcpy(&control, fx, 2);
  std::memcpy(&status, fx + 2, 2);
  const u8 used = fx[4];  // the abridged tag word: a bit for each register in use
  u16 tags = 0;
  const u32 top = status >> 11 & 7;
  for (u32 physical = 0; physical < 8; ++physical) {
    u16 tag = 3;
    if ((used >> physical & 1) != 0) {
      const u8* value = fx + 32 + 16 * ((physical - top) & 7);
      u64 mantissa;
      u16 exponent;
      std::memcpy(&mantissa, value, 8);
      std::memcpy(&exponent, value + 8, 2);
      exponent &= 0x7fff;
      if (exponent == 0 && mantissa == 0) {
        tag = 1;
      } else {
        tag = exponent != 0 && exponent != 0x7fff && mantissa >> 63 != 0 ? 0 : 2;
      }
    }
    tags = static_cast<u16>(tags | tag << (2 * physical));
  }
  const u16 words[14] = {control, 0xffff, status, 0xffff, tags, 0xffff, 0, 0, 0, 0, 0, 0, 0, 0xffff};
  std::memcpy(env.data(), words, sizeof words);
  return env;
}

EffectResult do_fnstenv(Context& c) {
  auto* fx = canonical_vectors(c);
  const auto at = effective_address(c);
  const auto env = x87_environment(fx);
  if (!guest_store(at, env.data(), env.size())) return segfault(at, true);
  fx[0] |= 0x3f;  // all exceptions are masked afterwards
  fx[512] |= 1;   // XSTATE_BV: the x87 state is not the initial one
  return {};
}

EffectResult do_fnsave(Context& c) {
  auto* fx = canonical_vectors(c);
  const auto at = effective_address(c);
  std::array<u8, 108> image;
  const auto env = x87_environment(fx);
  std::memcpy(image.data(), env.data(), env.size());
  for (int i = 0; i < 8; ++i) std::memcpy(&image[28 + 10 * i], fx + 32 + 16 * i, 10);
  if (!guest_store(at, image.data(), image.size())) return segfault(at, true);
  std::memset(fx, 0, 24);  // and the x87 is initialised
  std::memset(fx + 32, 0, 128);
  const u16 control = 0x37f;
  std::memcpy(fx, &control, 2);
  fx[512] |= 1;
  return {};
}

EffectResult do_popf(Context& c) {
  const bool narrow = c.instruction.raw.operand_width == 16;
  u64 value = 0;
  const u64 size = narrow ? 2 : 8;
  if (!guest_read(&value, GuestAddr{c.regs.gpr[rsp]}, size)) return segfault(GuestAddr{c.regs.gpr[rsp]}, false);
  const u64 changed = narrow ? popf_flags & 0xffff : popf_flags;
  c.regs.rflags = (c.regs.rflags & ~changed) | (value & changed);
  c.regs.gpr[rsp] += size;
  return {};
}

EffectResult do_int3(Context& c) {
  c.regs.rip += c.exit.length;
  return {.done = false,
          .signal = SIGTRAP,
          .code = SI_KERNEL,
          .trap_number = trap_bp,
          .error_code = 0,
          .fault_address = {}};
}
EffectResult do_int1(Context& c) {
  c.regs.rip += c.exit.length;
  return {.done = false,
          .signal = SIGTRAP,
          .code = TRAP_BRKPT,
          .trap_number = trap_db,
          .error_code = 0,
          .fault_address = {}};
}
EffectResult do_int_n(Context& c) {
  const u64 vector = c.instruction.raw.raw.imm[0].value.u & 0xff;
  return {.done = false,
          .signal = SIGSEGV,
          .code = SI_KERNEL,
          .trap_number = trap_gp,
          .error_code = vector * 8 + 2,
          .fault_address = {}};
}
EffectResult do_illegal(Context& c) {
  return {.done = false,
          .signal = SIGILL,
          .code = ILL_ILLOPN,
          .trap_number = trap_ud,
          .error_code = 0,
          .fault_address = c.exit.pc};
}
EffectResult do_far(Context& c) {
  c.engine.notice_once(u64{1} << 40, "the program used a far transfer (or iret), which fred does not support: SIGILL");
  return do_illegal(c);
}

/// Natively it would fault on whatever selectors lie on the stack.
EffectResult do_iret(Context&) {
  return {.done = false,
          .signal = SIGSEGV,
          .code = SI_KERNEL,
          .trap_number = trap_gp,
          .error_code = 0,
          .fault_address = {}};
}

constexpr struct {
  Effect effect;
  Handler handler;
  bool has_operands;
} handlers[] = {
    {Effect::rdtsc, do_rdtsc, false},    {Effect::rdtscp, do_rdtscp, false}, {Effect::rdpid, do_rdpid, true},
    {Effect::random, do_random, true},   {Effect::cpuid, do_cpuid, false},   {Effect::xgetbv, do_xgetbv, false},
    {Effect::xbegin, do_xbegin, false},  {Effect::xtest, do_xtest, false},   {Effect::xsave, do_xsave, true},
    {Effect::xsavec, do_xsavec, true},   {Effect::fxsave, do_fxsave, true},  {Effect::fnsave, do_fnsave, true},
    {Effect::fnstenv, do_fnstenv, true}, {Effect::popf, do_popf, false},     {Effect::int3, do_int3, false},
    {Effect::int1, do_int1, false},      {Effect::int_n, do_int_n, false},   {Effect::illegal, do_illegal, false},
    {Effect::far, do_far, false},        {Effect::iret, do_iret, false},
};

}  // namespace

EffectResult carry_out(GuestEngine& engine, const Exit& exit) {
  for (const auto& h : handlers) {
    if (h.effect != exit.effect) continue;
    Context c{engine, exit, engine.cpu().regs(), {}, {}};
    const auto at = GuestAddr{c.regs.rip};
    const std::span code{at.ptr<const u8>(), exit.length};
    c.instruction = *decode(at, code);
    if (h.has_operands) c.operands = decode_operands(c.instruction, code);
    const auto result = h.handler(c);
    if (result.done) {
      c.regs.rip = exit.effect == Effect::xbegin ? c.instruction.target.value : c.regs.rip + exit.length;
    }
    return result;
  }
  FRED_DIE("no handler for effect {}", static_cast<int>(exit.effect));
}

}  // namespace fred
