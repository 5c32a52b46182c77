// System calls about processes, programs and threads.
#include <asm/prctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "core/arch/x86/segment_base.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/processes.h"
#include "core/memory/layout.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walker.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

constexpr u64 notice_shared = u64{1} << 41;
constexpr u64 notice_alone = u64{1} << 42;
constexpr u64 notice_descriptors = u64{1} << 46;
constexpr u64 not_with_a_thread = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC;
constexpr u64 largest_string = 131072;  // MAX_ARG_STRLEN

Processes& processes(Syscall& call) { return guest_engine(call).processes(); }

/// All kinds of clone. `stack` is the child's rsp, or 0 for the parent's.
i64 clone_any(Syscall& call, u64 flags, GuestAddr stack, GuestAddr parent_tid, GuestAddr pidfd) {
  constexpr u64 of_a_thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
  const bool bad_tls = (flags & CLONE_SETTLS) != 0 && call.arg(4) >= layout::task_size;
  if ((flags & CLONE_THREAD) != 0) {
    if ((flags & of_a_thread) != of_a_thread || (flags & (CLONE_PIDFD | not_with_a_thread)) != 0) return -EINVAL;
    if (bad_tls) return -EPERM;
    if ((flags & CLONE_FILES) == 0 || (flags & CLONE_VFORK) != 0) {
      call.engine().notice_once(notice_alone,
                                "the program wanted to start a thread with descriptors of its own, or one "
                                "that it waits for as for a vfork child, which fred cannot record: it was "
                                "told to try again later (EAGAIN)");
      return -EAGAIN;
    }
    auto& engine = guest_engine(call);
    if (processes(call).in_vfork_child()) return -EAGAIN;
    return engine.threads().create(
        call,
        {.flags = flags, .stack = stack, .parent_tid = parent_tid, .child_tid = call.addr(3), .tls = call.arg(4)});
  }
  if (bad_tls) return -EPERM;
  const bool shares_memory = (flags & CLONE_VM) != 0;
  if (shares_memory && (flags & CLONE_VFORK) != 0 && (flags & CLONE_THREAD) == 0) {
    return processes(call).vfork(call, flags, stack);
  }
  if ((flags & CLONE_SIGHAND) != 0 && !shares_memory) return -EINVAL;
  if (shares_memory) {
    call.engine().notice_once(notice_shared,
                              "the program wanted to start a process that shares its memory and runs "
                              "beside it, which fred cannot record: it was told to try again later (EAGAIN)");
    return -EAGAIN;
  }
  if ((flags & CLONE_FILES) != 0) {  // the engine's own descriptors are in that table
    call.engine().notice_once(notice_descriptors,
                              "the program wanted to start a process that shares its descriptors, which "
                              "fred cannot record: it was told to try again later (EAGAIN)");
    return -EAGAIN;
  }
  if ((flags & CLONE_PARENT_SETTID) != 0) call.will_write(parent_tid, sizeof(i32));
  if ((flags & CLONE_PIDFD) != 0) call.will_write(pidfd, sizeof(i32));
  const i64 result = processes(call).fork(call, flags, stack);
  if (result > 0) {
    if ((flags & CLONE_PARENT_SETTID) != 0) call.output(parent_tid, sizeof(i32));
    if ((flags & CLONE_PIDFD) != 0) call.output(pidfd, sizeof(i32));
  }
  return result;
}

/// The same for a call of another number, whose arguments as those of clone are `args`.
i64 as_clone(Syscall& call, const u64 (&args)[6], u64 flags, GuestAddr stack, GuestAddr parent_tid, GuestAddr pidfd) {
  Syscall inner(call.engine(), SYS_clone, args);
  const i64 result = clone_any(inner, flags, stack, parent_tid, pidfd);
  if (inner.event_closed()) call.close_event();
  return result;
}

/// A NULL-terminated array of strings; -errno on failure.
i64 get_strings(Syscall& call, GuestAddr at, std::vector<std::string>& to) {
  if (at.value == 0) return 0;
  for (;; at = at + 8) {
    u64 pointer;
    if (!call.get(pointer, at)) return -EFAULT;
    if (pointer == 0) return 0;
    std::string text;
    if (!call.get_string(text, GuestAddr{pointer}, largest_string)) {
      return text.size() >= largest_string ? -E2BIG : -EFAULT;
    }
    to.push_back(std::move(text));
  }
}

i64 execute(Syscall& call, std::string path, GuestAddr argv, GuestAddr envp) {
  std::vector<std::string> args, env;
  if (const i64 r = get_strings(call, argv, args); r != 0) return r;
  if (const i64 r = get_strings(call, envp, env); r != 0) return r;
  if (path == "/proc/self/exe") path = call.engine().process().exe;
  return processes(call).execute(call, path, std::move(args), std::move(env));
}

/// As the kernel sees it (kernel/fork.c: clone3_args_valid).
bool is_valid(const clone_args& args) {
  constexpr u64 known = 0x1ffffffff | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP;
  constexpr u64 signal_mask = 0xff;
  if ((args.flags & ~known) != 0 || (args.flags & (CLONE_DETACHED | (signal_mask & ~u64{CLONE_NEWTIME}))) != 0)
    return false;
  if ((args.flags & CLONE_SIGHAND) != 0 && (args.flags & CLONE_CLEAR_SIGHAND) != 0) return false;
  if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) != 0 && args.exit_signal != 0) return false;
  if (args.exit_signal > 64) return false;
  return (args.stack == 0) == (args.stack_size == 0);
}

}  // namespace

/// The kernel would look for the program's pc in translated code. Where the program was attached to, glibc may have
/// made a thread of which it knows that registering succeeds, and ends the program if it does not: to it this is a
/// success, and the processor's number in its area stays what it is without.
i64 sys_rseq(Syscall& call) {
  constexpr u64 registering = 0;
  const bool adopted = static_cast<GuestEngine&>(call.engine()).options().adopted;
  return adopted && call.arg(2) == registering ? 0 : -ENOSYS;
}

i64 sys_fork(Syscall& call) {
  const u64 args[6] = {SIGCHLD, 0, 0, 0, 0, 0};
  return as_clone(call, args, SIGCHLD, {}, {}, {});
}

i64 sys_vfork(Syscall& call) { return clone_any(call, CLONE_VM | CLONE_VFORK | SIGCHLD, {}, {}, {}); }

i64 sys_clone(Syscall& call) { return clone_any(call, call.arg(0), call.addr(1), call.addr(2), call.addr(2)); }

i64 sys_clone3(Syscall& call) {
  clone_args args{};
  if (call.arg(1) < CLONE_ARGS_SIZE_VER0) return -EINVAL;
  if (call.arg(1) > page_size) return -E2BIG;
  const u64 size = std::min<u64>(call.arg(1), sizeof args);
  if (!call.get(&args, call.addr(0), size)) return -EFAULT;
  for (u64 at = sizeof args; at < call.arg(1); at += sizeof(u64)) {  // fields that are not known here say nothing
    u64 more = 0;
    if (!call.get(&more, call.addr(0) + at, std::min<u64>(sizeof more, call.arg(1) - at))) return -EFAULT;
    if (more != 0) return -E2BIG;
  }
  if (!is_valid(args)) return -EINVAL;
  if (args.set_tid_size != 0 || args.cgroup != 0) return -EINVAL;  // not supported: needs privileges anyway
  const u64 flags = args.flags | args.exit_signal;
  const GuestAddr stack{args.stack != 0 ? args.stack + args.stack_size : 0};
  const u64 as_clone_args[6] = {flags,          stack.value, (flags & CLONE_PIDFD) != 0 ? args.pidfd : args.parent_tid,
                                args.child_tid, args.tls,    0};
  return as_clone(call, as_clone_args, flags & ~u64{CLONE_CLEAR_SIGHAND}, stack, GuestAddr{args.parent_tid},
                  GuestAddr{args.pidfd});
}

i64 sys_execve(Syscall& call) {
  std::string path;
  if (!call.get_string(path, call.addr(0))) return -EFAULT;
  return execute(call, std::move(path), call.addr(1), call.addr(2));
}

i64 sys_execveat(Syscall& call) {
  std::string path;
  if (!call.get_string(path, call.addr(1))) return -EFAULT;
  const i32 dir = static_cast<i32>(call.arg(0));
  if (path.empty()) {
    if ((call.arg(4) & 0x1000) == 0) return -ENOENT;  // AT_EMPTY_PATH
    path = fmt::format("/proc/self/fd/{}", dir);
  } else if (path[0] != '/' && dir != -100) {  // AT_FDCWD
    path = fmt::format("/proc/self/fd/{}/{}", dir, path);
  }
  return execute(call, std::move(path), call.addr(2), call.addr(3));
}

i64 sys_exit(Syscall& call) {
  auto& threads = guest_engine(call).threads();
  if (threads.alone() || processes(call).in_vfork_child()) {
    return processes(call).exit(call, static_cast<int>(call.arg(0)));
  }
  return threads.exit(call);
}
i64 sys_exit_group(Syscall& call) { return processes(call).exit(call, static_cast<int>(call.arg(0))); }

i64 sys_arch_prctl(Syscall& call) {
  auto& regs = guest_engine(call).cpu().regs();
  switch (call.arg(0)) {
    case ARCH_SET_FS:
      if (call.arg(1) >= layout::task_size) return -EPERM;
      regs.fs_base = call.arg(1);
      return 0;
    case ARCH_SET_GS:
      if (call.arg(1) >= layout::task_size) return -EPERM;
      fred_write_gs_base(call.arg(1));
      return 0;
    case ARCH_GET_FS:
      return call.put(call.addr(1), regs.fs_base) ? 0 : -EFAULT;
    case ARCH_GET_GS:
      return call.put(call.addr(1), fred_read_gs_base()) ? 0 : -EFAULT;
    case ARCH_GET_CPUID:
      return 1;
    default:  // cpuid faulting, AMX permission, shadow stacks: not for the guest
      return -EINVAL;
  }
}

i64 sys_set_tid_address(Syscall& call) {
  guest_engine(call).threads().set_clear_tid(call.addr(0));
  return call.perform([] { return raw_syscall(SYS_gettid); });
}

i64 sys_sched_yield(Syscall& call) {
  auto& threads = guest_engine(call).threads();
  if (threads.alone()) return call.execute();
  threads.yield();
  return 0;
}

i64 sys_set_robust_list(Syscall& call) {
  if (call.arg(1) != robust_list_size) return -EINVAL;
  call.engine().process().robust_list = call.addr(0);
  // The kernel has it for when the process is killed.
  return call.perform([&] { return raw_syscall(SYS_set_robust_list, call.arg(0), robust_list_size); });
}

i64 sys_get_robust_list(Syscall& call) {
  const i32 pid = static_cast<i32>(call.arg(0));
  if (pid != 0) {
    const i64 own = call.perform([] { return raw_syscall(SYS_gettid); });
    if (own != pid) return -EPERM;
  }
  if (!call.put(call.addr(2), robust_list_size)) return -EFAULT;
  return call.put(call.addr(1), call.engine().process().robust_list.value) ? 0 : -EFAULT;
}

i64 sys_personality(Syscall& call) {
  // Nothing but the usual one, with a fixed layout, which the guest has already.
  const u32 wanted = static_cast<u32>(call.arg(0));
  constexpr u32 query = 0xffffffff, no_randomize = 0x0040000;
  if (wanted == query || (wanted & ~no_randomize) == 0) return no_randomize;
  return -EINVAL;
}

namespace {

/// What a prctl does to the process, by option.
enum class PrctlKind : u8 { pass, out_int, refuse };
constexpr struct {
  int option;
  PrctlKind kind;
} prctl_rows[] = {
    {PR_SET_PDEATHSIG, PrctlKind::pass},
    {PR_GET_PDEATHSIG, PrctlKind::out_int},
    {PR_GET_DUMPABLE, PrctlKind::pass},
    {PR_SET_DUMPABLE, PrctlKind::pass},
    {PR_GET_KEEPCAPS, PrctlKind::pass},
    {PR_SET_KEEPCAPS, PrctlKind::pass},
    {PR_GET_TIMING, PrctlKind::pass},
    {PR_SET_TIMING, PrctlKind::pass},
    {PR_CAPBSET_READ, PrctlKind::pass},
    {PR_CAPBSET_DROP, PrctlKind::pass},
    {PR_GET_SECUREBITS, PrctlKind::pass},
    {PR_SET_SECUREBITS, PrctlKind::pass},
    {PR_SET_TIMERSLACK, PrctlKind::pass},
    {PR_GET_TIMERSLACK, PrctlKind::pass},
    {PR_SET_CHILD_SUBREAPER, PrctlKind::pass},
    {PR_GET_CHILD_SUBREAPER, PrctlKind::out_int},
    {PR_SET_NO_NEW_PRIVS, PrctlKind::pass},
    {PR_GET_NO_NEW_PRIVS, PrctlKind::pass},
    {PR_GET_THP_DISABLE, PrctlKind::pass},
    {PR_SET_THP_DISABLE, PrctlKind::pass},
    {PR_GET_SECCOMP, PrctlKind::pass},
    {PR_SET_PTRACER, PrctlKind::pass},
    {PR_GET_TSC, PrctlKind::out_int},
    {PR_CAP_AMBIENT, PrctlKind::pass},
    {PR_MCE_KILL, PrctlKind::pass},
    {PR_MCE_KILL_GET, PrctlKind::pass},
    {PR_GET_SPECULATION_CTRL, PrctlKind::pass},
    // A filter would bind the engine; the memory map and the cost of instructions are the engine's.
    {PR_SET_SECCOMP, PrctlKind::refuse},
    {PR_SET_MM, PrctlKind::refuse},
    {PR_SET_TSC, PrctlKind::refuse},
    {PR_SET_SYSCALL_USER_DISPATCH, PrctlKind::refuse},
};

}  // namespace

i64 sys_prctl(Syscall& call) {
  auto& engine = guest_engine(call);
  const int option = static_cast<int>(call.arg(0));
  if (option == PR_SET_NAME) {
    std::string name(16, '\0');
    if (!call.get_string(name, call.addr(1), 16) && name.size() < 15) return -EFAULT;
    name.resize(std::min<std::size_t>(name.size(), 15));
    engine.process().comm = name;
    return call.perform([&] { return raw_syscall(SYS_prctl, PR_SET_NAME, reinterpret_cast<u64>(name.c_str())); });
  }
  if (option == PR_GET_NAME) {
    char name[16] = {};
    engine.process().comm.copy(name, 15);
    return call.put(call.addr(1), name) ? 0 : -EFAULT;
  }
  if (option == 0x53564d41) {  // PR_SET_VMA, with PR_SET_VMA_ANON_NAME (0)
    if (call.arg(1) != 0) return -EINVAL;
    std::string name;
    if (call.arg(4) != 0 && !call.get_string(name, call.addr(4), 80)) return -EINVAL;
    return engine.memory().name_anonymous(call.addr(2), call.arg(3), name);
  }
  for (const auto& row : prctl_rows) {
    if (row.option != option) continue;
    if (row.kind == PrctlKind::refuse) return -EPERM;
    if (row.kind == PrctlKind::out_int) call.will_write(call.addr(1), sizeof(int));
    if (option == PR_SET_CHILD_SUBREAPER && call.arg(1) != 0 && !call.replaying()) engine.tree().will_adopt();
    const i64 result = call.execute();
    if (row.kind == PrctlKind::out_int && result == 0) call.output(call.addr(1), sizeof(int));
    return result;
  }
  return -EINVAL;
}

}  // namespace fred
