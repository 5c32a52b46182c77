#include "core/dispatch/lockstep.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "core/arch/x86/rflags.h"
#include "core/arch/x86/segment_base.h"
#include "core/arch/x86/vector_compare.h"
#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/native_step.h"
#include "core/memory/guest_access.h"
#include "core/translate/code_pages.h"

namespace fred {

namespace {

constexpr u64 most_iterations = 256;  // of a repeated string instruction: each is a step
constexpr const char* register_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                            "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

std::optional<Instruction> decode_at(GuestAddr pc) {
  u8 code[15];
  const u64 size = guest_readable(pc, sizeof code);
  if (size == 0 || !guest_read(code, pc, size)) return std::nullopt;
  return decode(pc, {code, size});
}

u64 register_value(const Registers& regs, ZydisRegister r) {
  const auto full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
  if (full < ZYDIS_REGISTER_RAX || full > ZYDIS_REGISTER_R15) return 0;
  const u64 value = regs.gpr[full - ZYDIS_REGISTER_RAX];
  switch (ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, r)) {
    case 64:
      return value;
    case 32:
      return value & 0xffffffff;
    case 16:
      return value & 0xffff;
    default:
      return value & 0xff;  // al, of xlat
  }
}

u64 effective_address(const Registers& regs, const Instruction& i, const ZydisDecodedOperandMem& m) {
  u64 address = m.disp.has_displacement ? static_cast<u64>(m.disp.value) : 0;
  if (i.rip_relative) {
    address = i.target.value;
  } else if (m.base != ZYDIS_REGISTER_NONE) {
    address += register_value(regs, m.base);
  }
  if (m.index != ZYDIS_REGISTER_NONE) address += register_value(regs, m.index) * m.scale;
  if (i.raw.address_width == 32) address &= 0xffffffff;
  if (m.segment == ZYDIS_REGISTER_FS) address += regs.fs_base;
  if (m.segment == ZYDIS_REGISTER_GS) address += regs.gs_base;
  return address;
}

/// bts, btr and btc with a register address bits far from their operand.
i64 bit_string_offset(const Registers& regs, const Operands& operands) {
  const auto& bit = operands.operand[1];
  if (bit.type != ZYDIS_OPERAND_TYPE_REGISTER) return 0;
  const u64 value = register_value(regs, bit.reg.value);
  const i64 signed_value = bit.size == 64   ? static_cast<i64>(value)
                           : bit.size == 32 ? static_cast<i32>(value)
                                            : static_cast<i16>(value);
  return (signed_value >> (bit.size == 64 ? 6 : bit.size == 32 ? 5 : 4)) * (bit.size / 8);
}

}  // namespace

Lockstep::Lockstep(Engine& engine, Cpu& cpu, CodePages& pages) : engine_(engine), cpu_(cpu), pages_(pages) {
  set_native_step_handler(native_step_signal);
  cpu.observe(this);
}

void Lockstep::adapt(TranslateOptions& options) {
  options.link = options.inline_lookup = options.light = options.traces = false;
  options.single_block = true;
}

/// The block that is about to be entered at `at`.
std::vector<GuestAddr> Lockstep::instructions_at(CacheAddr at) {
  auto& cache = cpu_.cache();
  const auto* entry = cache.find(cpu_.pc());
  const auto id = entry != nullptr && entry->body == at ? entry->block : stepping_block;
  native_.stepping = id == stepping_block;
  std::vector<GuestAddr> found;
  for (const auto& s : cache.segments(id)) {
    const auto pc = cache.block(id).pc + static_cast<u64>(static_cast<i64>(s.guest));
    if (s.spilled == 0) found.push_back(pc);
  }
  std::ranges::sort(found);  // cold code comes last
  return found;
}

void Lockstep::before(CacheAddr at) {
  native_.known = false;
  if (engine_.mode() == Mode::replay) return;  // live has done it
  native_.start = cpu_.pc();
  native_.regs = cpu_.registers();
  native_.vector.assign(cpu_.vector_area(), cpu_.vector_area() + cpu_.vector_size());
  native_.fault.reset();
  native_.written.clear();
  native_.instructions = 0;
  const u64 gs = native_.regs.gs_base;
  native_.known = run_natively(instructions_at(at));
  native_.regs.gs_base = fred_read_gs_base();
  fred_write_gs_base(gs);
  restore_protection();
  undo();
  ++(native_.known ? counters.blocks : counters.skipped);
  counters.instructions += native_.instructions;
}

bool Lockstep::run_natively(const std::vector<GuestAddr>& block) {
  auto& regs = native_.regs;
  for (;;) {
    const GuestAddr pc{regs.rip};
    if (!std::binary_search(block.begin(), block.end(), pc)) return true;
    if (!native_.stepping && cpu_.leaves_at(pc, regs.gpr[rsp])) return true;
    const auto i = decode_at(pc);
    if (!i || i->flow == Flow::effect) return true;
    if (i->repeated && regs.gpr[rcx] > most_iterations) return false;
    if (!pages_.fetchable(page_floor(pc.value)) || !pages_.fetchable(page_floor(i->next().value - 1))) return true;
    regs.gs_base = fred_read_gs_base();
    u8 code[15];
    if (!guest_read(code, pc, i->length)) return true;
    if (!native_.stepping && cpu_.leaves_for_watch(*i, {code, i->length}, regs)) return true;
    if (!prepare_step(*i)) return false;
    native_.fault = step_natively(regs, native_.vector.data(), native_.vector.size());
    if (native_.fault) return true;
    if (i->raw.mnemonic == ZYDIS_MNEMONIC_PUSHFQ || i->raw.mnemonic == ZYDIS_MNEMONIC_PUSHF) {
      u16 low;  // the trap flag was ours
      if (guest_read(&low, GuestAddr{regs.gpr[rsp]}, sizeof low)) {
        low = static_cast<u16>(low & ~trap_flag);
        guest_write(GuestAddr{regs.gpr[rsp]}, &low, sizeof low);
      }
    }
    if (i->repeated && GuestAddr{regs.rip} == pc) continue;
    ++native_.instructions;
    if (i->flow != Flow::next) return true;
  }
}

/// Makes the instruction executable and keeps what it will write. False if that is not known.
bool Lockstep::prepare_step(const Instruction& i) {
  if (!make_executable(guest_range(i.pc, i.length))) return false;
  u8 code[15];
  if (!guest_read(code, i.pc, i.length)) return false;
  const auto operands = decode_operands(i, {code, i.length});
  const auto& regs = native_.regs;
  for (const auto& o : operands.all()) {
    if ((o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER && o.reg.value == ZYDIS_REGISTER_SS) return false;  // hides the trap
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || o.mem.type == ZYDIS_MEMOP_TYPE_AGEN) continue;
    if (o.mem.type != ZYDIS_MEMOP_TYPE_MEM || i.raw.mnemonic == ZYDIS_MNEMONIC_MOVDIR64B) return false;
    const u64 size = o.size / 8;
    if (o.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && o.mem.base == ZYDIS_REGISTER_RSP) {
      constexpr u64 deepest_enter = 32 * 8;
      const u64 pushed = i.raw.mnemonic == ZYDIS_MNEMONIC_ENTER ? deepest_enter : size;
      note_write(GuestAddr{regs.gpr[rsp] - pushed}, pushed);
      continue;
    }
    u64 at = effective_address(regs, i, o.mem);
    switch (i.raw.mnemonic) {
      case ZYDIS_MNEMONIC_BTS:
      case ZYDIS_MNEMONIC_BTR:
      case ZYDIS_MNEMONIC_BTC:
        at += static_cast<u64>(bit_string_offset(regs, operands));
        break;
      case ZYDIS_MNEMONIC_POP:  // an address with rsp is formed after the pop
        if (o.mem.base == ZYDIS_REGISTER_RSP || o.mem.base == ZYDIS_REGISTER_ESP) at += size;
        break;
      default:
        break;
    }
    note_write(GuestAddr{at}, size);
  }
  return true;
}

void Lockstep::note_write(GuestAddr at, u64 size) {
  // By pages: of a store that a mask cuts short, or that will fault, a part may not be there.
  for (GuestRange rest = guest_range(at, size); !rest.empty();) {
    const GuestAddr end = std::min(rest.end, GuestAddr{page_floor(rest.begin.value) + page_size});
    Written w{.range = {rest.begin, end}, .before = {}, .native = {}};
    w.before.resize(w.range.size());
    if (guest_read(w.before.data(), w.range.begin, w.range.size())) native_.written.push_back(std::move(w));
    rest.begin = end;
  }
}

void Lockstep::undo() {
  auto& written = native_.written;
  for (auto& w : written) {
    w.native.resize(w.range.size());
    if (!guest_read(w.native.data(), w.range.begin, w.range.size())) w.native.clear();
  }
  for (auto w = written.rbegin(); w != written.rend(); ++w) {
    guest_write(w->range.begin, w->before.data(), w->range.size());
  }
}

bool Lockstep::make_executable(GuestRange code) {
  for (u64 page = page_floor(code.begin.value); page < code.end.value; page += page_size) {
    if (std::find(executable_.begin(), executable_.end(), page) != executable_.end()) continue;
    const int prot = pages_.real_protection(page);
    if (raw_syscall(SYS_mprotect, page, page_size, static_cast<u64>(prot | PROT_EXEC)) != 0) return false;
    executable_.push_back(page);
  }
  return true;
}

void Lockstep::restore_protection() {
  for (const u64 page : executable_) {
    raw_syscall(SYS_mprotect, page, page_size, static_cast<u64>(pages_.real_protection(page)));
  }
  executable_.clear();
}

GuestAddr Lockstep::end_of(const Exit& exit) {
  switch (exit.kind) {
    case ExitKind::indirect_miss:
      return GuestAddr{cpu_.state().indirect_target};
    case ExitKind::fault:
      return cpu_.pc();
    default:
      return exit.pc;
  }
}

void Lockstep::differs(const std::string& what) const {
  quit(125, fmt::format("lockstep: block at PC {:#x} ({} instructions): {}", native_.start.value,
                        native_.instructions + (native_.fault ? 1 : 0), what));
}

void Lockstep::after(const Exit& exit) {
  if (!native_.known) return;
  if (exit.kind == ExitKind::bail) {  // nothing was executed
    --counters.blocks;
    ++counters.skipped;
    return;
  }
  const auto number = [&](const char* name, u64 native, u64 translated) {
    if (native != translated) differs(fmt::format("{} native {:#x} translated {:#x}", name, native, translated));
  };
  const auto& native = native_.regs;
  auto translated = cpu_.registers();
  translated.rip = end_of(exit).value;
  const bool faulted = exit.kind == ExitKind::fault;
  if (native_.fault || faulted) {
    const GuestFault none{};
    const auto& a = native_.fault ? *native_.fault : none;
    const auto& b = faulted ? last_fault() : none;
    number("signal", static_cast<u64>(a.signal.number), static_cast<u64>(b.signal.number));
    number("rip", native.rip, translated.rip);
    number("si_code", static_cast<u64>(a.signal.info.si_code), static_cast<u64>(b.signal.info.si_code));
    number("si_addr", reinterpret_cast<u64>(a.signal.info.si_addr), reinterpret_cast<u64>(b.signal.info.si_addr));
    number("trap", a.trap_number, b.trap_number);
    number("error code", a.error_code, b.error_code);
  }
  number("rip", native.rip, translated.rip);
  for (int r = 0; r < 16; ++r) number(register_names[r], native.gpr[r], translated.gpr[r]);
  constexpr u64 ours = trap_flag | resume_flag;
  number("rflags", native.rflags & ~ours, translated.rflags & ~ours);
  number("fs base", native.fs_base, translated.fs_base);
  number("gs base", native.gs_base, translated.gs_base);
  if (const auto d =
          vector_difference(native_.vector.data(), cpu_.vector_area(), cpu_.vector_size(), cpu_.vector_mask())) {
    differs(fmt::format("{} native {} translated {}", d->name, d->first, d->second));
  }
  for (const auto& w : native_.written) {
    for (u64 k = 0; k < w.native.size(); ++k) {
      u8 now = 0;
      if (!guest_read(&now, w.range.begin + k, 1) || now == w.native[k]) continue;
      differs(fmt::format("memory at {:#x} native {:#x} translated {:#x}", w.range.begin.value + k, w.native[k], now));
    }
  }
}

}  // namespace fred
