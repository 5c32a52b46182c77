#include "core/dispatch/native_step.h"

#include <ucontext.h>

#include <cstring>

#include "core/arch/x86/rflags.h"
#include "core/base/check.h"

extern "C" {
fred::u64 fred_native_enter(fred::u64 fs);
extern const char fred_native_done[];
extern fred::u64 fred_native_rsp;
}

namespace fred {

namespace {

constexpr u64 clean_flags = 0x202;
constexpr u64 software_area = 464, software_area_end = 512;  // of the legacy part: the kernel's, in a frame

constexpr int context_order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

// The step under way. The handler writes only here.
enum class Phase : u8 { idle, entering, stepping };
Phase g_phase = Phase::idle;
Registers* g_regs;
u8* g_vector;
u64 g_vector_size;
bool g_faulted;
GuestFault g_step_fault;

void copy_vector(u8* to, const u8* from) {
  std::memcpy(to, from, software_area);
  std::memcpy(to + software_area_end, from + software_area_end, g_vector_size - software_area_end);
}

}  // namespace

std::optional<GuestFault> step_natively(Registers& regs, u8* vector, u64 vector_size) {
  g_regs = &regs;
  g_vector = vector;
  g_vector_size = vector_size;
  g_faulted = false;
  g_phase = Phase::entering;
  const u64 fs = fred_native_enter(regs.fs_base);
  FRED_CHECK(g_phase == Phase::idle, "a native step came back too early");
  regs.fs_base = fs;
  if (g_faulted) return g_step_fault;
  return std::nullopt;
}

bool native_step_signal(int signal, const siginfo_t& info, void* context) {
  if (g_phase == Phase::idle) return false;
  auto& uc = *static_cast<ucontext_t*>(context);
  auto* gregs = uc.uc_mcontext.gregs;
  auto* vector = reinterpret_cast<u8*>(uc.uc_mcontext.fpregs);
  if (g_phase == Phase::entering) {
    if (static_cast<u64>(gregs[REG_RIP]) != reinterpret_cast<u64>(fred_native_done)) return false;
    for (int r = 0; r < 16; ++r) gregs[context_order[r]] = static_cast<greg_t>(g_regs->gpr[r]);
    gregs[REG_RIP] = static_cast<greg_t>(g_regs->rip);
    gregs[REG_EFL] = static_cast<greg_t>(g_regs->rflags | trap_flag);
    copy_vector(vector, g_vector);
    g_phase = Phase::stepping;
    return true;
  }
  if (signal != SIGTRAP || info.si_code != TRAP_TRACE) {
    g_faulted = true;
    g_step_fault = {.signal = {signal, info},
                    .trap_number = static_cast<u64>(gregs[REG_TRAPNO]),
                    .error_code = static_cast<u64>(gregs[REG_ERR]),
                    .cr2 = static_cast<u64>(gregs[REG_CR2])};
  }
  for (int r = 0; r < 16; ++r) g_regs->gpr[r] = static_cast<u64>(gregs[context_order[r]]);
  g_regs->rip = static_cast<u64>(gregs[REG_RIP]);
  g_regs->rflags = static_cast<u64>(gregs[REG_EFL]) & ~trap_flag;
  copy_vector(g_vector, vector);
  gregs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<u64>(fred_native_done));
  gregs[REG_RSP] = static_cast<greg_t>(fred_native_rsp);
  gregs[REG_EFL] = clean_flags;
  g_phase = Phase::idle;
  return true;
}

}  // namespace fred
