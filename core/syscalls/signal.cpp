// System calls about signals. Dispositions, mask and alternate stack are the engine's own records, mirrored
// to the kernel (core/signals); pending signals are the kernel's.
#include <sys/syscall.h>
#include <cerrno>

#include <bit>
#include <cerrno>
#include <csignal>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/dispatch/processes.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walker.h"

namespace fred {

namespace {
constexpr u64 sigset_size = 8;
constexpr i32 ss_autodisarm = static_cast<i32>(1u << 31);
constexpr u64 smallest_alt_stack = 2048;  // MINSIGSTKSZ

bool valid_signal(u64 number) { return number >= 1 && number <= 64; }
}  // namespace

i64 sys_rt_sigaction(Syscall& call) {
  if (call.arg(3) != sigset_size) return -EINVAL;
  const u64 number = call.arg(0);
  GuestSigaction action;
  if (call.arg(1) != 0 && !call.get(action, call.addr(1))) return -EFAULT;
  if (!valid_signal(number)) return -EINVAL;
  if (call.arg(1) != 0 && (number == SIGKILL || number == SIGSTOP)) return -EINVAL;
  auto& signals = guest_engine(call).signals();
  const auto old = signals.state().actions[number];
  if (call.arg(1) != 0) signals.set_action(static_cast<int>(number), action, call.replaying());
  if (call.arg(2) != 0 && !call.put(call.addr(2), old)) return -EFAULT;
  return 0;
}

i64 sys_rt_sigprocmask(Syscall& call) {
  if (call.arg(3) != sigset_size) return -EINVAL;
  auto& signals = guest_engine(call).signals();
  const u64 old = signals.state().mask;
  if (call.arg(1) != 0) {
    u64 set;
    if (!call.get(set, call.addr(1))) return -EFAULT;
    switch (static_cast<int>(call.arg(0))) {
      case SIG_BLOCK:
        set |= old;
        break;
      case SIG_UNBLOCK:
        set = old & ~set;
        break;
      case SIG_SETMASK:
        break;
      default:
        return -EINVAL;
    }
    signals.set_mask(set, call.replaying());
  }
  if (call.arg(2) != 0 && !call.put(call.addr(2), old)) return -EFAULT;
  return 0;
}

i64 sys_rt_sigreturn(Syscall& call) {
  auto& engine = guest_engine(call);
  call.keep_registers();
  if (!engine.signals().sigreturn(call.replaying())) {
    engine.end_guest({.by_signal = true, .status = SIGSEGV});
    return 0;
  }
  engine.cpu().count_tick();
  return 0;
}

i64 sys_sigaltstack(Syscall& call) {
  auto& engine = guest_engine(call);
  auto& own = engine.signals().state().alt_stack;
  const u64 sp = engine.cpu().regs().gpr[rsp];
  const bool on = (own.flags & ss_autodisarm) == 0 && own.size != 0 && sp > own.sp && sp - own.sp <= own.size;
  GuestAltStack old = own;
  old.flags = own.size == 0 ? SS_DISABLE : (own.flags & ss_autodisarm) | (on ? SS_ONSTACK : 0);
  if (call.arg(0) != 0) {
    GuestAltStack wanted;
    if (!call.get(wanted, call.addr(0))) return -EFAULT;
    if (on) return -EPERM;
    const i32 mode = wanted.flags & ~ss_autodisarm;
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0) return -EINVAL;
    if (mode == SS_DISABLE) {
      own = {};
    } else {
      if (wanted.size < smallest_alt_stack) return -ENOMEM;
      own = {.sp = wanted.sp, .flags = wanted.flags & ss_autodisarm, .reserved = 0, .size = wanted.size};
    }
  }
  if (call.arg(1) != 0 && !call.put(call.addr(1), old)) return -EFAULT;
  return 0;
}

i64 sys_rt_sigpending(Syscall& call) {
  if (call.arg(1) > sigset_size) return -EINVAL;
  u64 pending = 0;
  const i64 result = call.perform([&] { return raw_syscall(SYS_rt_sigpending, reinterpret_cast<u64>(&pending), 8); });
  call.value(&pending, sizeof pending);
  if (result != 0) return result;
  pending |= guest_engine(call).signals().state().held;
  return call.put(call.addr(0), &pending, call.arg(1)) ? 0 : -EFAULT;
}

i64 sys_rt_sigtimedwait(Syscall& call) {
  if (call.arg(3) != sigset_size) return -EINVAL;
  u64 set;
  if (!call.get(set, call.addr(0))) return -EFAULT;
  // Signals that the kernel cannot hold for the guest are held here.
  auto& state = guest_engine(call).signals().state();
  const u64 held = state.held & set;
  if (held != 0) {
    const int number = std::countr_zero(held) + 1;
    state.held &= ~signal_bit(number);
    for (auto& slot : state.held_info) {
      if (slot.number != number) continue;
      if (call.arg(1) != 0 && !call.put(call.addr(1), slot.info)) return -EFAULT;
    }
    return number;
  }
  if (call.arg(1) != 0) call.receive(1, sizeof(siginfo_t));
  const i64 result = call.execute();
  if (result > 0 && call.arg(1) != 0) call.output(call.addr(1), sizeof(siginfo_t));
  return result;
}

i64 sys_rt_sigsuspend(Syscall& call) {
  if (call.arg(1) != sigset_size) return -EINVAL;
  u64 mask;
  if (!call.get(mask, call.addr(0))) return -EFAULT;
  auto& signals = guest_engine(call).signals();
  const u64 real = mask & ~synchronous_signals;
  const i64 result = call.execute(SYS_rt_sigsuspend, reinterpret_cast<u64>(&real), sigset_size, 0, 0, 0, 0);
  if (result == -EINTR) signals.set_temporary_mask(mask);
  return result;
}

i64 sys_pause(Syscall& call) { return call.execute(); }

// To the guest itself or to others: the kernel delivers, to us as well as it would to the guest, but for SIGKILL to
// itself.
namespace {
i64 send_signal(Syscall& call, u64 target, u64 signal) {
  if (signal == SIGKILL) {
    u64 own = call.replaying() ? 0 : static_cast<u64>(raw_syscall(SYS_getpid));
    call.value(&own, sizeof own);
    if (static_cast<u32>(target) == static_cast<u32>(own)) return guest_engine(call).processes().kill_itself(call);
  }
  return call.execute();
}
}  // namespace

i64 sys_kill(Syscall& call) { return send_signal(call, call.arg(0), call.arg(1)); }
i64 sys_tkill(Syscall& call) { return send_signal(call, call.arg(0), call.arg(1)); }
i64 sys_tgkill(Syscall& call) { return send_signal(call, call.arg(0), call.arg(2)); }
i64 sys_rt_sigqueueinfo(Syscall& call) { return send_signal(call, call.arg(0), call.arg(1)); }
i64 sys_rt_tgsigqueueinfo(Syscall& call) { return send_signal(call, call.arg(0), call.arg(2)); }

}  // namespace fred
