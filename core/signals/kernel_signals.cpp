#include "core/signals/kernel_signals.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "core/arch/x86/rflags.h"
#include "core/arch/x86/segment_base.h"
#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/cpu.h"
#include "core/memory/guest_access.h"

extern "C" {
void fred_signal_entry(int, siginfo_t*, void*);
void fred_signal_restorer();
fred::i64 fred_guest_syscall(fred::u64 number, const fred::u64* args, const volatile fred::u64* request);
extern const char fred_syscall_check[], fred_syscall_instruction[], fred_syscall_done[], fred_syscall_restart[];
extern fred::u64 fred_engine_fs;
void fred_handle_signal(int signal, siginfo_t* info, void* context);
}

namespace fred {

namespace {

/// Aligned to its size, so that a handler finds the slot at its bottom.
constexpr u64 alternate_stack_size = u64{64} << 10;

// The handler writes only here, into its slot and into the state window: nothing is allocated in it.
Cpu* g_cpu = nullptr;
SignalSlot* g_slot = nullptr;  // of the thread that has the turn
u64 g_restarting = 0;          // signals whose action in the guest has SA_RESTART
i32 (*g_turn_holder)() = nullptr;
int g_control_socket = -1;
std::atomic<bool> g_farewell = false;
std::atomic<bool> g_releasing = false;
int g_notice_descriptor = -1;
std::atomic<bool> g_file_notice = false;
bool g_stepping = false;                        // to a boundary (stop_at_boundary)
std::atomic<bool> g_control_requested = false;  // ordered with the change of the turn's holder
GuestFault g_fault;
bool (*g_native_step)(int, const siginfo_t&, void*) = nullptr;
bool (*g_write_fault)(GuestAddr) = nullptr;

/// As the kernel wants it (asm/signal.h): not libc's struct sigaction.
struct KernelSigaction {
  u64 handler;  // a function, or SIG_DFL or SIG_IGN
  u64 flags;
  void (*restorer)();
  u64 mask;
};
constexpr u64 sa_restorer = 0x04000000;

void install(int signal, u64 handler, u64 flags) {
  const KernelSigaction action{handler, flags | sa_restorer, fred_signal_restorer, ~u64{0}};
  const i64 r = raw_syscall(SYS_rt_sigaction, static_cast<u64>(signal), reinterpret_cast<u64>(&action), 0, 8);
  FRED_CHECK(r == 0, "rt_sigaction({}) gave {}", signal, r);
}

u64 label(const char* at) { return reinterpret_cast<u64>(at); }

/// ucontext's register numbers in the order of Gpr.
constexpr int context_order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

void guest_fault(int signal, const siginfo_t& info, ucontext_t& context, const GuestPosition& position) {
  auto& state = g_cpu->state();
  auto* gregs = context.uc_mcontext.gregs;
  for (int r = 0; r < 16; ++r) state.regs.gpr[r] = static_cast<u64>(gregs[context_order[r]]);
  if (position.spilled != 0) state.regs.gpr[position.spilled - 1] = state.spill_rcx;
  state.regs.rflags = static_cast<u64>(gregs[REG_EFL]);
  state.regs.rip = position.pc.value;
  g_fault = {.signal = {signal, info},
             .trap_number = static_cast<u64>(gregs[REG_TRAPNO]),
             .error_code = static_cast<u64>(gregs[REG_ERR]),
             .cr2 = static_cast<u64>(gregs[REG_CR2])};
  // Where the address is that of the instruction, it is the guest's.
  if (reinterpret_cast<u64>(info.si_addr) == static_cast<u64>(gregs[REG_RIP])) {
    g_fault.signal.info.si_addr = position.pc.ptr();
  }
  state.exit_id = static_cast<u64>(exit_fault);
  gregs[REG_RIP] = static_cast<greg_t>(g_cpu->leave_code().value);
  gregs[REG_RSP] = static_cast<greg_t>(state.engine_rsp);
}

[[noreturn]] void engine_fault(int signal, const siginfo_t& info, const ucontext_t& context) {
  const auto* gregs = context.uc_mcontext.gregs;
  FRED_DIE("signal {} at {:#x} (address {}, rsp {:#x}, guest pc {:#x}, engine base {})", signal,
           static_cast<u64>(gregs[REG_RIP]), info.si_addr, static_cast<u64>(gregs[REG_RSP]), g_cpu->state().regs.rip,
           reinterpret_cast<const void*>(&fred_signal_entry));
}

/// The guest is to execute nothing more: what it loads may have changed, before the next tick as well. In the middle of
/// an instruction's code, or between two, the processor takes one step after the other to where the next one begins.
/// Outside of the translations the request is looked at before the guest goes on.
void stop_at_boundary(ucontext_t& context) {
  auto& flags = context.uc_mcontext.gregs[REG_EFL];
  const CacheAddr at{static_cast<u64>(context.uc_mcontext.gregs[REG_RIP])};
  flags &= ~static_cast<greg_t>(trap_flag);
  g_stepping = false;
  if (!g_cpu->cache().in_cache(at.value)) return;
  if (const auto position = g_cpu->cache().locate(at); position && position->begins) {
    return guest_fault(stopped_at_boundary, {}, context, *position);
  }
  flags |= static_cast<greg_t>(trap_flag);
  g_stepping = true;
}

bool is_repeatable_store(int signal, const siginfo_t& info, const ucontext_t& context) {
  constexpr greg_t write_access = 2;
  return signal == SIGSEGV && info.si_code == SEGV_ACCERR && (context.uc_mcontext.gregs[REG_ERR] & write_access) != 0 &&
         g_write_fault != nullptr && g_write_fault(GuestAddr{reinterpret_cast<u64>(info.si_addr)});
}

void synchronous(int signal, siginfo_t& info, ucontext_t& context) {
  if (is_repeatable_store(signal, info, context)) return;
  if (std::exchange(g_stepping, false)) {
    context.uc_mcontext.gregs[REG_EFL] &= ~static_cast<greg_t>(trap_flag);
    if (signal == SIGTRAP && info.si_code == TRAP_TRACE) return stop_at_boundary(context);
  }
  if (g_native_step != nullptr && g_native_step(signal, info, &context)) return;
  auto& rip = context.uc_mcontext.gregs[REG_RIP];
  if (const u64 recovery = guest_access_recovery(static_cast<u64>(rip)); recovery != 0) {
    rip = static_cast<greg_t>(recovery);
    return;
  }
  const auto position = g_cpu->cache().locate(CacheAddr{static_cast<u64>(rip)});
  if (!position) engine_fault(signal, info, context);
  guest_fault(signal, info, context, *position);
}

SignalSlot& slot_of_handler(const siginfo_t* info) {
  return *reinterpret_cast<SignalSlot*>(reinterpret_cast<u64>(info) & ~(alternate_stack_size - 1));
}

/// Has the interrupted thread come to a point where it can be asked to do something else.
void ask_to_stop(SignalSlot& slot, ucontext_t& context) {
  auto* gregs = context.uc_mcontext.gregs;
  const u64 pc = static_cast<u64>(gregs[REG_RIP]);
  if (pc >= label(fred_syscall_check) && pc <= label(fred_syscall_instruction)) {
    gregs[REG_RIP] = static_cast<greg_t>(label(fred_syscall_restart));
  }
  slot.request = 1;
  if (!slot.has_turn) return;  // the state window and the clock are somebody else's
  u64 rip = pc, guest_rcx = static_cast<u64>(gregs[REG_RCX]);
  g_cpu->request_stop_from_handler(rip, guest_rcx);
  if (rip != pc) {  // a counting sequence was completed on its behalf
    gregs[REG_RIP] = static_cast<greg_t>(rip);
    gregs[REG_RCX] = static_cast<greg_t>(guest_rcx);
  }
}

void asynchronous(int signal, const siginfo_t& info, ucontext_t& context) {
  auto& slot = slot_of_handler(&info);
  FRED_CHECK(slot.has_pending == 0, "signal {} while {} is waiting", signal, slot.pending.number);
  slot.pending = {signal, info};
  slot.has_pending = 1;
  // No second one until this has been taken.
  const u64 all = ~synchronous_signals;
  std::memcpy(&context.uc_sigmask, &all, sizeof all);
  ask_to_stop(slot, context);
}

bool is_file_notice(const siginfo_t& info) {
  return info.si_code == SI_SIGIO && g_notice_descriptor >= 0 && info.si_fd == g_notice_descriptor;
}

/// What comes with a signal is lost where the user's queue is full (RLIMIT_SIGPENDING), and it looks like a kill() of
/// nobody's: then the session's message tells. (Both at once: the kill is lost.)
bool is_control(int signal, const siginfo_t& info) {
  if (signal != control_signal) return false;
  if (is_file_notice(info)) return true;
  if (info.si_code == control_code || info.si_code == farewell_code) return true;
  if (info.si_code != SI_USER || info.si_pid != 0 || info.si_uid != 0) return false;
  if (g_releasing.load()) return true;
  if (g_control_socket < 0) return false;
  pollfd waits{.fd = g_control_socket, .events = POLLIN, .revents = 0};
  return raw_syscall(SYS_poll, reinterpret_cast<u64>(&waits), 1, 0) == 1;
}

/// The session wants the thread that has the turn, and the kernel may have told another.
void control(siginfo_t& info, ucontext_t& context) {
  auto& slot = slot_of_handler(&info);
  if (info.si_code == farewell_code || g_releasing.load()) g_farewell = true;
  if (g_releasing.load() && !slot.has_turn) ask_to_stop(slot, context);  // it may be that it is to stand
  if (is_file_notice(info)) g_file_notice = true;
  g_control_requested = true;
  const i32 holder = slot.has_turn || g_turn_holder == nullptr ? 0 : g_turn_holder();
  if (holder == 0) {
    ask_to_stop(slot, context);
    if (g_file_notice && slot.has_turn) stop_at_boundary(context);
  } else if (holder != raw_syscall(SYS_gettid)) {
    // Else the turn is on its way to this one, which looks at the request.
    info.si_code = control_code;
    queue_signal(holder, control_signal, info);
  }
}

}  // namespace

void install_kernel_signals(Cpu& cpu) {
  g_cpu = &cpu;
  fred_engine_fs = fred_read_fs_base();
  static SignalSlot* first = make_signal_stack();
  use_signal_stack(first);
  g_slot = first;
  for (int signal = 1; signal <= 64; ++signal) {
    if ((synchronous_signals & signal_bit(signal)) != 0) {
      // SA_RESTART, so that a call which the session's request meets tells whether it is one that begins anew.
      install(signal, reinterpret_cast<u64>(&fred_signal_entry), SA_SIGINFO | SA_ONSTACK | SA_RESTART);
    }
  }
}

SignalSlot* make_signal_stack() {
  // As much again, so that an aligned piece lies within; the rest goes back.
  void* at = mmap(nullptr, 2 * alternate_stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  const u64 begin = reinterpret_cast<u64>(at), end = begin + 2 * alternate_stack_size;
  const u64 aligned = (begin + alternate_stack_size - 1) & ~(alternate_stack_size - 1);
  if (aligned != begin) munmap(at, aligned - begin);
  munmap(reinterpret_cast<void*>(aligned + alternate_stack_size), end - aligned - alternate_stack_size);
  return new (reinterpret_cast<void*>(aligned)) SignalSlot;
}

void free_signal_stack(SignalSlot* slot) { munmap(slot, alternate_stack_size); }

void use_signal_stack(SignalSlot* slot) {
  const stack_t alternate{.ss_sp = slot, .ss_flags = 0, .ss_size = alternate_stack_size};
  raw_syscall(SYS_sigaltstack, reinterpret_cast<u64>(&alternate), 0);
}

SignalSlot& running_slot() { return *g_slot; }

void set_running_slot(SignalSlot& slot) {
  g_slot = &slot;
  g_cpu->state().request = 0;
  slot.has_turn = true;
  // What comes from here on goes to the state window by itself.
  if (slot.has_pending || g_control_requested) g_cpu->state().request = 1;
  slot.request = g_cpu->state().request;
}

void set_turn_holder(i32 (*holder)()) { g_turn_holder = holder; }
void set_control_socket(int socket) { g_control_socket = socket; }

void set_write_fault_handler(bool (*handler)(GuestAddr)) { g_write_fault = handler; }

void set_native_step_handler(bool (*handler)(int, const siginfo_t&, void*)) { g_native_step = handler; }

void set_real_action(int signal, RealAction action, u64 flags) {
  g_restarting = (flags & SA_RESTART) != 0 ? g_restarting | signal_bit(signal) : g_restarting & ~signal_bit(signal);
  if ((synchronous_signals & signal_bit(signal)) != 0) return;
  switch (action) {
    case RealAction::ignore:
      install(signal, reinterpret_cast<u64>(SIG_IGN), flags);
      return;
    case RealAction::default_:
      install(signal, reinterpret_cast<u64>(SIG_DFL), flags);
      return;
    case RealAction::catch_:
      install(signal, reinterpret_cast<u64>(&fred_signal_entry), flags | SA_SIGINFO | SA_ONSTACK);
      return;
  }
}

void set_real_mask(u64 guest_mask) {
  const u64 mask = guest_mask & ~synchronous_signals;
  const u64 args[6] = {SIG_SETMASK, reinterpret_cast<u64>(&mask), 0, 8, 0, 0};
  // By the one call that does not happen once a signal has come: it would let a second one in. The session's request
  // keeps it off as well, and means nothing here.
  while (g_slot->has_pending == 0 &&
         fred_guest_syscall(SYS_rt_sigprocmask, args, &g_slot->has_pending) == restart_call) {
  }
}

void block_all_signals() {
  const u64 mask = ~synchronous_signals;  // faults in our own or the guest's code must still reach us
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&mask), 0, 8);
}

void block_every_signal() {
  const u64 mask = ~u64{0};
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&mask), 0, 8);
}

void queue_signal(i32 thread, int number, const siginfo_t& info) {
  raw_syscall(SYS_rt_tgsigqueueinfo, static_cast<u64>(raw_syscall(SYS_getpid)), static_cast<u64>(thread),
              static_cast<u64>(number), reinterpret_cast<u64>(&info));
}

void die_by_signal(int signal) {
  const rlimit none{0, 0};
  raw_syscall(SYS_prlimit64, 0, RLIMIT_CORE, reinterpret_cast<u64>(&none), 0);
  if (signal != SIGKILL) install(signal, reinterpret_cast<u64>(SIG_DFL), 0);
  const u64 mask = ~signal_bit(signal);
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&mask), 0, 8);
  const u64 pid = static_cast<u64>(raw_syscall(SYS_getpid));
  for (;;) raw_syscall(SYS_kill, pid, static_cast<u64>(signal));
}

namespace {
void set_request(bool wanted) { g_slot->request = g_cpu->state().request = wanted ? 1 : 0; }
}  // namespace

std::optional<KernelSignal> take_pending_signal() {
  if (g_slot->has_pending == 0) return std::nullopt;
  const auto signal = g_slot->pending;
  g_slot->has_pending = 0;
  set_request(g_control_requested);
  return signal;
}

bool farewell_received() { return g_farewell.load(); }

void begin_release() { g_releasing = true; }

bool is_ours(const siginfo_t& info) { return info.si_code == leave_code || is_control(control_signal, info); }

void await_farewell() {
  constexpr int looks = 200;
  constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 10'000'000};  // the signal ends it
  for (int i = 0; i < looks && !g_farewell.load(); ++i) {
    raw_syscall(SYS_nanosleep, reinterpret_cast<u64>(&between_looks), 0);
  }
}

void notice_files_by(int descriptor) { g_notice_descriptor = descriptor; }
bool file_notice_waits() { return g_file_notice.load(std::memory_order_relaxed); }
bool take_file_notice() { return file_notice_waits() && g_file_notice.exchange(false); }

bool control_requested() { return g_control_requested; }

void take_control_request() {
  g_control_requested = false;
  set_request(signal_is_pending());
}

bool signal_is_pending() { return g_slot->has_pending != 0; }

const GuestFault& last_fault() { return g_fault; }

namespace {
/// A call that may begin anew does, by SIGTRAP's flag, where that has come first: the session's request, or the guest's
/// own. The flag of the signal that the guest is to get decides.
i64 settle(i64 result, const SignalSlot& slot) {
  if (result != restart_call || !slot.has_pending) return result;
  const bool other_flag = g_control_requested.load() || (synchronous_signals & signal_bit(slot.pending.number)) != 0;
  return other_flag && (g_restarting & signal_bit(slot.pending.number)) == 0 ? -EINTR : result;
}
}  // namespace

i64 guest_syscall(u64 number, const u64 (&args)[6]) {
  auto& state = g_cpu->state();
  state.at_rest = 1;
  const i64 answer = fred_guest_syscall(number, args, &state.request);
  state.at_rest = 0;
  const i64 result = settle(answer, *g_slot);
  // Interrupted by the session alone: no business of the guest's, the call begins anew.
  return result == -EINTR && g_control_requested.load() && !g_slot->has_pending ? restart_call : result;
}

i64 guest_syscall_without_turn(u64 number, const u64 (&args)[6], const SignalSlot& slot) {
  return settle(fred_guest_syscall(number, args, &slot.request), slot);
}

}  // namespace fred

void fred_handle_signal(int signal, siginfo_t* info, void* context) {
  auto& uc = *static_cast<ucontext_t*>(context);
  const bool has_turn = fred::slot_of_handler(info).has_turn;  // else the state window is somebody else's
  auto& at_rest = fred::g_cpu->state().at_rest;
  const fred::u64 before = has_turn ? std::exchange(at_rest, 0) : 0;
  const bool synchronous_kind = (fred::synchronous_signals & fred::signal_bit(signal)) != 0;
  if (synchronous_kind && info->si_code > 0) {
    fred::synchronous(signal, *info, uc);
  } else if (fred::is_control(signal, *info)) {
    fred::control(*info, uc);
  } else if (signal == fred::control_signal && info->si_code == fred::leave_code) {
    fred::ask_to_stop(fred::slot_of_handler(info), uc);
  } else {
    fred::asynchronous(signal, *info, uc);
  }
  if (has_turn) at_rest = before;
}
