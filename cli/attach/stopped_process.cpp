#include "cli/attach/stopped_process.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

using Clock = std::chrono::steady_clock;
/// How long a thread may take until it stops: one in a device's call that nothing interrupts may take for ever.
constexpr std::chrono::seconds longest_stop{5};
constexpr int look_again_ms = 2;
constexpr int quick_looks = 1000;  // some hundred µs
constexpr int steps_out_of_vdso = 20000;
constexpr u64 syscall_size = 2;

// Of the kernel's calls that a stop has interrupted (include/linux/errno.h): it would begin them anew.
constexpr i64 restart_by_block = -516;
constexpr i64 restarts[] = {-512, -513, -514, restart_by_block};
/// These give EINTR instead (signal(7)), although the program has had no signal.
constexpr u64 ended_by_stop[] = {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,   SYS_semop,
                                 SYS_semtimedop, SYS_pause,       SYS_rt_sigtimedwait};

bool is_restart(i64 result, i64 number) {
  if (std::ranges::find(restarts, result) != std::end(restarts)) return true;
  return result == -EINTR && std::ranges::find(ended_by_stop, static_cast<u64>(number)) != std::end(ended_by_stop);
}

long trace(int request, pid_t tid, u64 address, u64 data) {
  return ptrace(static_cast<__ptrace_request>(request), tid, address, data);
}
u64 data(const void* p) { return reinterpret_cast<u64>(p); }

std::vector<pid_t> tasks_of(pid_t pid) {
  std::vector<pid_t> tids;
  DIR* dir = opendir(fmt::format("/proc/{}/task", pid).c_str());
  if (dir == nullptr) return tids;
  while (const auto* entry = readdir(dir)) {
    if (entry->d_name[0] != '.') tids.push_back(std::atoi(entry->d_name));
  }
  closedir(dir);
  return tids;
}

constexpr u64 all_but_faults = ~synchronous_signals;

}  // namespace

Result<u64> made(i64 result, const char* what) {
  if (is_error(result)) return fail_errno(static_cast<int>(-result), fmt::format("within the process: {}", what));
  return static_cast<u64>(result);
}

Result<StoppedProcess> StoppedProcess::stop(pid_t pid, GuestRange vdso) {
  StoppedProcess process(pid);
  process.memory_ = UniqueFd{open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDWR | O_CLOEXEC)};
  if (!process.memory_) return fail_errno(errno, fmt::format("cannot attach to process {}: its memory", pid));
  if (auto stopped = process.stop_threads(); !stopped) return std::unexpected(stopped.error());
  // Any `syscall` instruction will do; the vDSO has some.
  std::vector<u8> code(vdso.size());
  if (process.read(vdso.begin.value, code.data(), code.size())) {
    constexpr u8 wanted[] = {0x0f, 0x05};
    const auto found = std::search(code.begin(), code.end(), std::begin(wanted), std::end(wanted));
    if (found != code.end()) process.syscall_at_ = vdso.begin.value + static_cast<u64>(found - code.begin());
  }
  if (process.syscall_at_ == 0) return fail(fmt::format("cannot attach to process {}: it has no vDSO", pid));
  for (auto& thread : process.threads_) {
    if (auto out = process.leave_vdso(thread, vdso); !out) return std::unexpected(out.error());
  }
  return process;
}

StoppedProcess::~StoppedProcess() {
  for (auto& t : threads_) {
    if (t.timed_call) t.regs.rax = SYS_restart_syscall;
    put_registers(t.tid, t.regs);
    trace(PTRACE_SETSIGMASK, t.tid, sizeof t.mask, data(&t.mask));
    trace(PTRACE_DETACH, t.tid, 0, 0);
  }
}

/// Until no further one is found: a thread that is not stopped yet can make new ones.
Result<> StoppedProcess::stop_threads() {
  for (bool found = true; found;) {
    found = false;
    for (const pid_t tid : tasks_of(pid_)) {
      if (std::ranges::find(threads_, tid, &StoppedThread::tid) != threads_.end()) continue;
      found = true;
      if (auto stopped = stop_one(tid); !stopped) return stopped;
    }
  }
  const auto first = std::ranges::find(threads_, pid_, &StoppedThread::tid);
  if (first == threads_.end()) return fail(fmt::format("cannot attach to process {}: its main thread has ended", pid_));
  std::rotate(threads_.begin(), first, first + 1);
  return {};
}

std::optional<int> StoppedProcess::wait_for(pid_t tid) const {
  const auto until = Clock::now() + longest_stop;
  for (int looks = 0;; ++looks) {
    int status = 0;
    const pid_t changed = waitpid(tid, &status, __WALL | WNOHANG);
    if (changed == tid) return status;
    if ((changed < 0 && errno != EINTR) || Clock::now() > until) return std::nullopt;
    // A clock's function begins anew if the kernel's time goes on meanwhile: it must be stepped out of faster than
    // that.
    if (looks > quick_looks) poll(nullptr, 0, look_again_ms);  // SIGCHLD may be somebody else's to take
  }
}

Result<> StoppedProcess::stop_one(pid_t tid) {
  if (trace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD) != 0) {
    if (errno == ESRCH && tid != pid_) return {};  // it has just ended
    return fail_errno(errno, fmt::format("cannot attach to process {}", pid_));
  }
  trace(PTRACE_INTERRUPT, tid, 0, 0);
  for (;;) {
    const auto status = wait_for(tid);
    if (!status) {
      trace(PTRACE_DETACH, tid, 0, 0);
      return fail(fmt::format("cannot attach to process {}: its thread {} does not stop", pid_, tid));
    }
    if (!WIFSTOPPED(*status)) return {};  // it has ended
    const int signal = WSTOPSIG(*status), event = *status >> 16;
    if (event == PTRACE_EVENT_STOP && signal == SIGTRAP) break;
    if (event == PTRACE_EVENT_STOP) {
      trace(PTRACE_DETACH, tid, 0, 0);
      return fail(fmt::format("cannot attach to process {}: it is stopped (kill -CONT {} has it go on)", pid_, pid_));
    }
    trace(PTRACE_CONT, tid, 0, static_cast<u64>(signal));  // a signal that came first
  }
  StoppedThread t{.tid = tid};
  trace(PTRACE_GETREGS, tid, 0, data(&t.regs));
  trace(PTRACE_GETSIGMASK, tid, sizeof t.mask, data(&t.mask));
  const auto number = static_cast<i64>(t.regs.orig_rax);
  if (number >= 0 && is_restart(static_cast<i64>(t.regs.rax), number)) {
    t.timed_call = static_cast<i64>(t.regs.rax) == restart_by_block;
    t.regs.rax = t.regs.orig_rax;
    t.regs.rip -= syscall_size;
  }
  t.regs.orig_rax = ~u64{0};
  threads_.push_back(t);
  // Nothing comes in between. (A fault's signal that is blocked would change the program's disposition.)
  trace(PTRACE_SETSIGMASK, tid, sizeof all_but_faults, data(&all_but_faults));
  return {};
}

std::unexpected<Error> StoppedProcess::stays_in_vdso(pid_t tid) const {
  return fail(fmt::format("cannot attach to process {}: its thread {} does not leave the vDSO", pid_, tid));
}

Result<> StoppedProcess::leave_vdso(StoppedThread& t, GuestRange vdso) {
  if (!vdso.contains(GuestAddr{t.regs.rip})) return {};
  // The kernel makes an ignored SIGTRAP default when it is used for stepping; so the disposition is put back. Its bytes
  // lie below the red zone meanwhile.
  const u64 room = (t.regs.rsp - 1024) & ~u64{15};
  u64 action[4] = {}, before[4];
  read(room, before, sizeof before);
  call_in(t.tid, SYS_rt_sigaction, {SIGTRAP, 0, room, 8, 0, 0});
  read(room, action, sizeof action);
  write(room, before, sizeof before);
  put_registers(t.tid, t.regs);
  for (int steps = 0; vdso.contains(GuestAddr{t.regs.rip}); ++steps) {
    if (steps == steps_out_of_vdso) break;  // the last step has ended: its SIGTRAP is not the program's
    trace(PTRACE_SINGLESTEP, t.tid, 0, 0);
    const auto status = wait_for(t.tid);
    if (!status || !WIFSTOPPED(*status) || trace(PTRACE_GETREGS, t.tid, 0, data(&t.regs)) != 0)
      return stays_in_vdso(t.tid);
  }
  t.regs.orig_rax = ~u64{0};
  read(room, before, sizeof before);
  write(room, action, sizeof action);
  call_in(t.tid, SYS_rt_sigaction, {SIGTRAP, room, 0, 8, 0, 0});
  write(room, before, sizeof before);
  put_registers(t.tid, t.regs);
  return vdso.contains(GuestAddr{t.regs.rip}) ? stays_in_vdso(t.tid) : Result<>();
}

bool StoppedProcess::put_registers(pid_t tid, const user_regs_struct& regs) const {
  return trace(PTRACE_SETREGS, tid, 0, data(&regs)) == 0;
}

std::vector<u8> StoppedProcess::vector_state(pid_t tid) const {
  std::vector<u8> state(u64{64} << 10);
  iovec space{state.data(), state.size()};
  if (trace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, data(&space)) != 0) return {};
  state.resize(space.iov_len);
  return state;
}

bool StoppedProcess::read(u64 at, void* to, u64 size) const {
  return pread(memory_.get(), to, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
}
bool StoppedProcess::write(u64 at, const void* from, u64 size) const {
  return pwrite(memory_.get(), from, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size);
}

i64 StoppedProcess::call(u64 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
  return call_in(pid_, number, {a0, a1, a2, a3, a4, a5});
}

i64 StoppedProcess::call_in(pid_t tid, u64 number, const u64 (&args)[6]) {
  const auto thread = std::ranges::find(threads_, tid, &StoppedThread::tid);
  if (thread == threads_.end()) return -ESRCH;
  auto regs = thread->regs;
  regs.rax = number;
  regs.rdi = args[0], regs.rsi = args[1], regs.rdx = args[2], regs.r10 = args[3], regs.r8 = args[4], regs.r9 = args[5];
  regs.rip = syscall_at_;
  put_registers(tid, regs);
  // To its entry, and to its exit.
  for (int stop = 0; stop < 2; ++stop) {
    trace(PTRACE_SYSCALL, tid, 0, 0);
    const auto status = wait_for(tid);
    if (!status || !WIFSTOPPED(*status)) return -ESRCH;
    if (WSTOPSIG(*status) != (SIGTRAP | 0x80)) --stop;  // an interruption that was still on its way
  }
  trace(PTRACE_GETREGS, tid, 0, data(&regs));
  return static_cast<i64>(regs.rax);
}

bool StoppedProcess::start(pid_t tid, u64 pc, u64 sp, u64 argument, u64 mask) {
  const auto thread = std::ranges::find(threads_, tid, &StoppedThread::tid);
  if (thread == threads_.end()) return false;
  auto regs = thread->regs;
  regs.rax = regs.rbx = regs.rcx = regs.rdx = regs.rsi = regs.rbp = 0;
  regs.r8 = regs.r9 = regs.r10 = regs.r11 = regs.r12 = regs.r13 = regs.r14 = regs.r15 = 0;
  regs.eflags = 0x202;
  regs.rip = pc;
  regs.rsp = sp;
  regs.rdi = argument;
  regs.orig_rax = ~u64{0};
  user_fpregs_struct fp{};
  fp.cwd = 0x37f;
  fp.mxcsr = 0x1f80;
  return trace(PTRACE_SETFPREGS, tid, 0, data(&fp)) == 0 &&
         trace(PTRACE_SETSIGMASK, tid, sizeof mask, data(&mask)) == 0 && put_registers(tid, regs) &&
         trace(PTRACE_CONT, tid, 0, 0) == 0;
}

bool StoppedProcess::look_after(pid_t tid) {
  int status = 0;
  const pid_t changed = waitpid(tid, &status, __WALL | WNOHANG);
  if (changed == 0 || (changed < 0 && errno == EINTR)) return true;
  if (changed != tid || !WIFSTOPPED(status)) {
    forget(tid);
    return false;
  }
  const bool delivery = status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80);
  trace(PTRACE_CONT, tid, 0, delivery ? static_cast<u64>(WSTOPSIG(status)) : 0);
  return true;
}

bool StoppedProcess::stop_again(pid_t tid) {
  if (trace(PTRACE_INTERRUPT, tid, 0, 0) != 0) return false;
  for (;;) {
    const auto status = wait_for(tid);
    if (!status || !WIFSTOPPED(*status)) return false;
    if (*status >> 16 == PTRACE_EVENT_STOP) return true;
    trace(PTRACE_CONT, tid, 0, static_cast<u64>(WSTOPSIG(*status)));
  }
}

void StoppedProcess::let_go(pid_t tid) {
  trace(PTRACE_DETACH, tid, 0, 0);
  forget(tid);
}

void StoppedProcess::forget(pid_t tid) {
  std::erase_if(threads_, [tid](const StoppedThread& t) { return t.tid == tid; });
}

}  // namespace fred
