#include "core/signals/guest_signals.h"

#include <sys/syscall.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>

#include "core/arch/x86/rflags.h"
#include "core/base/check.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"
#include "core/signals/frame.h"
#include "core/signals/vector_image.h"

namespace fred {

namespace {
constexpr i32 ss_autodisarm = static_cast<i32>(1u << 31);
/// The flags that sigreturn takes from the frame (FIX_EFLAGS of the kernel).
constexpr u64 restored_flags = user_flags | resume_flag;
}  // namespace

DefaultAction default_action(int signal) {
  switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return DefaultAction::ignore;
    case SIGCONT:
      return DefaultAction::resume;
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return DefaultAction::stop;
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGSYS:
    case SIGXCPU:
    case SIGXFSZ:
      return DefaultAction::core;
    default:
      return DefaultAction::terminate;
  }
}

void GuestSignals::set_action(int signal, const GuestSigaction& action, bool replaying) {
  auto& own = state_.actions[signal];
  own = action;
  own.mask &= ~never_blocked;
  if (replaying) return;
  const u64 flags = action.flags & (SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT);
  const auto handler = reinterpret_cast<void (*)(int)>(action.handler);
  const auto by_default = default_action(signal);
  if (handler == SIG_IGN) {
    set_real_action(signal, RealAction::ignore, flags);
  } else if (handler != SIG_DFL) {
    set_real_action(signal, RealAction::catch_, flags);
  } else if (by_default == DefaultAction::terminate || by_default == DefaultAction::core) {
    set_real_action(signal, RealAction::catch_, SA_RESTART);  // to end the guest in good order
  } else {
    set_real_action(signal, RealAction::default_, flags);
  }
}

void GuestSignals::set_mask(u64 mask, bool replaying) {
  state_.mask = mask & ~never_blocked;
  if (!replaying) set_real_mask(state_.mask);
}

void GuestSignals::end_temporary_mask(bool replaying) {
  if (!std::exchange(state_.has_saved_mask, false)) return;
  set_mask(state_.saved_mask, replaying);
}

void GuestSignals::mirror_all() {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) set_action(signal, state_.actions[signal], false);
  }
  set_mask(state_.mask, false);
}

void GuestSignals::inherit() {
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, reinterpret_cast<u64>(&state_.mask), 8);
  for (int signal = 1; signal <= 64; ++signal) {
    GuestSigaction now;
    raw_syscall(SYS_rt_sigaction, static_cast<u64>(signal), 0, reinterpret_cast<u64>(&now), 8);
    if (now.handler == reinterpret_cast<u64>(SIG_IGN)) state_.actions[signal].handler = now.handler;
  }
}

void GuestSignals::adopt_actions() {
  for (int signal = 1; signal <= 64; ++signal) {
    raw_syscall(SYS_rt_sigaction, static_cast<u64>(signal), 0, reinterpret_cast<u64>(&state_.actions[signal]), 8);
  }
}

void GuestSignals::reset_for_exec(bool replaying) {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    const bool ignored = state_.actions[signal].handler == reinterpret_cast<u64>(SIG_IGN);
    GuestSigaction fresh;
    if (ignored) fresh.handler = reinterpret_cast<u64>(SIG_IGN);
    set_action(signal, fresh, replaying);
  }
  state_.alt_stack = {};
}

bool GuestSignals::on_alt_stack(u64 sp) const {
  const auto& s = state_.alt_stack;
  if ((s.flags & ss_autodisarm) != 0) return false;
  return s.size != 0 && sp > s.sp && sp - s.sp <= s.size;
}

u64 GuestSignals::frame_size() const { return sizeof(RtSigFrame) + guest_cpu_.xsave_size() + 4 + 64 + 16 + 8; }

bool GuestSignals::build_frame(const KernelSignal& signal, const GuestFault* fault, const GuestSigaction& action) {
  auto& regs = cpu_.regs();
  u64 sp = regs.gpr[rsp] - red_zone;
  const bool alternate = (action.flags & SA_ONSTACK) != 0 && state_.alt_stack.size != 0 &&
                         !on_alt_stack(regs.gpr[rsp]) && (state_.alt_stack.flags & SS_DISABLE) == 0;
  if (alternate) sp = state_.alt_stack.sp + state_.alt_stack.size;
  VectorImage vector(cpu_, guest_cpu_);
  const u64 image = vector.place_below(sp).value;
  const u64 frame_at = ((image - sizeof(RtSigFrame)) & ~u64{15}) - 8;

  RtSigFrame frame{};
  frame.pretcode = action.restorer;
  frame.uc_flags = uc_fp_xstate | uc_sigcontext_ss | uc_strict_restore_ss;
  frame.stack_sp = state_.alt_stack.sp;
  frame.stack_flags = state_.alt_stack.size == 0
                          ? SS_DISABLE
                          : (state_.alt_stack.flags & ss_autodisarm) | (on_alt_stack(regs.gpr[rsp]) ? SS_ONSTACK : 0);
  frame.stack_size = state_.alt_stack.size;
  frame.context = sig_context(regs, image);
  if (fault != nullptr) {
    frame.context.err = fault->error_code;
    frame.context.trapno = fault->trap_number;
    frame.context.cr2 = fault->cr2;
  }
  frame.mask = state_.has_saved_mask ? state_.saved_mask : state_.mask;
  frame.info = signal.info;

  if (!vector.write(GuestAddr{image}) || !guest_store(GuestAddr{frame_at}, &frame, sizeof frame)) return false;
  cpu_.reset_vector_state();  // a handler starts with the initial one, as natively
  if (alternate && (state_.alt_stack.flags & ss_autodisarm) != 0) state_.alt_stack = {};
  regs.gpr[rdi] = static_cast<u64>(signal.number);
  regs.gpr[rsi] = frame_at + offsetof(RtSigFrame, info);
  regs.gpr[rdx] = frame_at + offsetof(RtSigFrame, uc_flags);
  regs.gpr[rax] = 0;
  regs.gpr[rsp] = frame_at;
  regs.rip = action.handler;
  regs.rflags &= ~(trap_flag | direction_flag | resume_flag);
  return true;
}

GuestSignals::Delivery GuestSignals::deliver(const KernelSignal& signal, const GuestFault* fault, bool replaying,
                                             int& dies_of) {
  const int number = signal.number;
  const auto action = state_.actions[number];
  const bool forced = fault != nullptr;
  const bool blocked = (state_.mask & signal_bit(number)) != 0;
  const bool ignored = action.handler == reinterpret_cast<u64>(SIG_IGN);
  dies_of = number;
  if (forced && (blocked || ignored)) return Delivery::dies;
  if (ignored) {
    end_temporary_mask(replaying);
    set_mask(state_.mask, replaying);
    return Delivery::ignored;
  }
  if (action.handler == reinterpret_cast<u64>(SIG_DFL)) {
    const auto what = default_action(number);
    if (forced || what == DefaultAction::terminate || what == DefaultAction::core) return Delivery::dies;
    end_temporary_mask(replaying);
    set_mask(state_.mask, replaying);
    return Delivery::ignored;
  }
  if (!build_frame(signal, fault, action)) {
    LOG_INFO(signal, "no room for the frame of signal {} at rsp {:#x}", number, cpu_.regs().gpr[rsp]);
    dies_of = SIGSEGV;
    // The kernel forces a SIGSEGV; its handler runs if that one's frame can be written.
    const auto& segv = state_.actions[SIGSEGV];
    const bool has_handler = segv.handler > 1 && number != SIGSEGV && (state_.mask & signal_bit(SIGSEGV)) == 0;
    KernelSignal forced_segv{SIGSEGV, {}};
    forced_segv.info.si_signo = SIGSEGV;
    forced_segv.info.si_code = SI_KERNEL;
    if (!has_handler || !build_frame(forced_segv, nullptr, segv)) return Delivery::dies;
    state_.has_saved_mask = false;
    set_mask(state_.mask | segv.mask | signal_bit(SIGSEGV), replaying);
    return Delivery::handler;
  }
  u64 mask = state_.mask | action.mask;
  if ((action.flags & SA_NODEFER) == 0) mask |= signal_bit(number);
  state_.has_saved_mask = false;
  if ((action.flags & SA_RESETHAND) != 0) {
    GuestSigaction fresh = action;
    fresh.handler = reinterpret_cast<u64>(SIG_DFL);
    set_action(number, fresh, replaying);
  }
  set_mask(mask, replaying);
  return Delivery::handler;
}

bool GuestSignals::sigreturn(bool replaying) {
  auto& regs = cpu_.regs();
  RtSigFrame frame;
  if (!guest_read(&frame, GuestAddr{regs.gpr[rsp] - 8}, sizeof frame)) return false;
  const auto& c = frame.context;
  auto& g = regs.gpr;
  g[r8] = c.r8, g[r9] = c.r9, g[r10] = c.r10, g[r11] = c.r11, g[r12] = c.r12, g[r13] = c.r13, g[r14] = c.r14;
  g[r15] = c.r15, g[rdi] = c.di, g[rsi] = c.si, g[rbp] = c.bp, g[rbx] = c.bx, g[rdx] = c.dx, g[rax] = c.ax;
  g[rcx] = c.cx, g[rsp] = c.sp;
  regs.rip = c.ip;
  regs.rflags = (regs.rflags & ~restored_flags) | (c.flags & restored_flags & ~resume_flag) | 0x202;
  if (c.fpstate == 0) {
    cpu_.reset_vector_state();
  } else if (!VectorImage(cpu_, guest_cpu_).read(GuestAddr{c.fpstate})) {
    return false;
  }
  // The alternate stack comes back too (SS_AUTODISARM), if it may be changed now.
  if (!on_alt_stack(g[rsp])) {
    if ((frame.stack_flags & SS_DISABLE) != 0) {
      state_.alt_stack = {};
    } else {
      state_.alt_stack = {
          .sp = frame.stack_sp, .flags = frame.stack_flags & ss_autodisarm, .reserved = 0, .size = frame.stack_size};
    }
  }
  set_mask(frame.mask, replaying);
  return true;
}

std::optional<KernelSignal> GuestSignals::take_held() {
  const u64 ready = state_.held & ~state_.mask;
  if (ready == 0) return std::nullopt;
  const int number = std::countr_zero(ready) + 1;
  state_.held &= ~signal_bit(number);
  KernelSignal signal{number, {}};
  for (const auto& info : state_.held_info) {
    if (info.number == number) signal = info;
  }
  return signal;
}

void GuestSignals::hold(const KernelSignal& signal) {
  if ((state_.held & signal_bit(signal.number)) != 0) return;  // a standard signal is pending once
  state_.held |= signal_bit(signal.number);
  for (auto& slot : state_.held_info) {
    if (slot.number == 0 || slot.number == signal.number) {
      slot = signal;
      return;
    }
  }
}

}  // namespace fred
