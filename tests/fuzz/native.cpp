#include "tests/fuzz/native.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"

extern "C" {
void fred_fuzz_enter();
void fred_fuzz_leave();
void fred_fuzz_signal_entry(int, siginfo_t*, void*);
void fred_signal_restorer();
void fred_fuzz_fault(int signal, siginfo_t* info, void* context);
fred::Registers fred_fuzz_state;
fred::u8 fred_fuzz_native;
fred::u64 fred_fuzz_engine_rsp, fred_fuzz_engine_fs, fred_fuzz_mask;
fred::u8* fred_fuzz_vector;
}

namespace fred::fuzz {

namespace {

constexpr suseconds_t time_limit_us = 40'000;  // of processor time
u64 g_vector_size;
Outcome* g_outcome;

constexpr int context_order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

}  // namespace

void install_native_signals() {
  struct {
    void (*handler)(int, siginfo_t*, void*);
    u64 flags;
    void (*restorer)();
    u64 mask;
  } const action{fred_fuzz_signal_entry, SA_SIGINFO | SA_ONSTACK | 0x04000000u, fred_signal_restorer, ~u64{0}};
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGVTALRM}) {
    const i64 r = raw_syscall(SYS_rt_sigaction, static_cast<u64>(signal), reinterpret_cast<u64>(&action), 0, 8);
    FRED_CHECK(r == 0, "rt_sigaction({}) gave {}", signal, r);
  }
}

bool run_native(const Case& c, const Places& places, u8* vector, Cpu& cpu, Outcome& outcome) {
  fred_fuzz_state = c.registers;
  fred_fuzz_state.rip = places[Region::code].value + c.offset;
  fred_fuzz_vector = vector;
  fred_fuzz_mask = cpu.vector_mask();
  g_vector_size = cpu.vector_size();
  outcome.vector.resize(g_vector_size);
  g_outcome = &outcome;
  const itimerval limit{.it_interval = {}, .it_value = {0, time_limit_us}}, off{};
  setitimer(ITIMER_VIRTUAL, &limit, nullptr);
  fred_fuzz_enter();
  setitimer(ITIMER_VIRTUAL, &off, nullptr);
  return outcome.signal != SIGVTALRM;
}

}  // namespace fred::fuzz

void fred_fuzz_fault(int signal, siginfo_t* info, void* context) {
  using namespace fred;
  using namespace fred::fuzz;
  auto& uc = *static_cast<ucontext_t*>(context);
  auto* g = uc.uc_mcontext.gregs;
  auto& o = *g_outcome;
  for (int r = 0; r < 16; ++r) o.registers.gpr[r] = static_cast<u64>(g[context_order[r]]);
  o.registers.rip = static_cast<u64>(g[REG_RIP]);
  o.registers.rflags = static_cast<u64>(g[REG_EFL]);
  o.signal = signal;
  o.code = info->si_code;
  o.address = reinterpret_cast<u64>(info->si_addr);
  o.trap = static_cast<u64>(g[REG_TRAPNO]);
  o.error = static_cast<u64>(g[REG_ERR]);
  std::memcpy(o.vector.data(), uc.uc_mcontext.fpregs, g_vector_size);
  g[REG_RIP] = reinterpret_cast<greg_t>(&fred_fuzz_leave);
  g[REG_RSP] = static_cast<greg_t>(fred_fuzz_engine_rsp);
  g[REG_EFL] = 0x202;
}
