#include "core/threads/turn.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include "core/arch/x86/segment_base.h"
#include "core/base/raw_syscall.h"
#include "core/threads/native_thread.h"

extern "C" {
void fred_begin_stack();
fred::i64 fred_clone_on_stack(fred::u64 flags, void* stack_top, void (*child)(void*), void* argument,
                              fred::u32* cleared);
extern fred::u64 fred_engine_fs;
}

namespace fred {

Turn g_turn;

namespace {

constexpr u64 stack_size = u64{256} << 10;

void futex_wake_one(std::atomic<u32>& word) {
  raw_syscall(SYS_futex, reinterpret_cast<u64>(&word), FUTEX_WAKE_PRIVATE, 1);
}

/// Who waits for what another thread does within microseconds looks for it that long before it sleeps: to be woken by
/// the kernel on another processor takes several times as long (measured: 28 µs a hand-over, against 3). Not on the
/// processor that the other one needs.
template <class Come>
bool comes_soon(Come come) {
  constexpr u64 cycles = 60000;  // of the time stamp counter: some 20 µs
  for (const u64 begin = __builtin_ia32_rdtsc(); __builtin_ia32_rdtsc() - begin < cycles;) {
    if (come()) return true;
    __builtin_ia32_pause();
  }
  return false;
}

/// The thread has the turn, and the control flow goes on here.
[[noreturn]] void take_over(GuestThread* t) {
  t->slot->has_turn = true;
  g_turn.here = t;
  fred_resume(g_turn.control_sp);
}

/// No signal finds it in engine code any more, from here on.
[[noreturn]] void stand(GuestThread* t) {
  block_every_signal();
  t->stands = 1;
  futex_wake_one(t->stands);
  for (;;) {
    const u32 baton = t->baton.exchange(baton_none);
    if (baton == baton_native) enter_native(*t->native);
    if (baton == baton_turn) {
      t->stands = 0;
      block_all_signals();  // but those of faults, which what is to be done may meet
      take_over(t);
    }
    raw_syscall(SYS_futex, reinterpret_cast<u64>(&t->baton), FUTEX_WAIT_PRIVATE, baton_none, 0);
  }
}

/// It has just run, or is new: is another one to run elsewhere?
bool looks_for_turn() { return g_turn.looks && !g_turn.home.used(); }

[[noreturn]] void wait_for_baton(GuestThread* t, bool looks = looks_for_turn()) {
  for (;;) {
    if (t->retire.load() == Retire::stand) stand(t);
    if (t->baton.exchange(baton_none) == baton_turn) take_over(t);
    if (t->retire.load() == Retire::exit) raw_syscall(SYS_exit, 0);
    t->looking = looks;
    const bool came = looks && comes_soon([t] { return t->baton.load() != baton_none; });
    t->looking = false;
    if (came) continue;
    raw_syscall(SYS_futex, reinterpret_cast<u64>(&t->baton), FUTEX_WAIT_PRIVATE, baton_none, 0);
  }
}

void give(GuestThread* to) {
  if (!to->looking.load()) g_turn.home.keep(*to);  // else it is awake, on another processor
  g_turn.holder = to->tid;
  pass_baton(*to, baton_turn);
}

/// Nobody has the turn, unless there is something for the control flow to do: then this thread has it again.
bool try_take(GuestThread* t) {
  i32 nobody = 0;
  if (!g_turn.holder.compare_exchange_strong(nobody, t->tid)) return false;
  t->slot->has_turn = true;
  while (g_turn.shared->takes_part() && !g_turn.shared->take()) {
  }
  return true;
}

bool release(GuestThread* t) {
  g_turn.shared->release();
  g_turn.holder = 0;
  return (g_turn.finished.load() == nullptr && !control_requested()) || !try_take(t);
}

void push_finished(GuestThread* t) {
  t->next_finished = g_turn.finished.load();
  while (!g_turn.finished.compare_exchange_weak(t->next_finished, t)) {
  }
}

/// The call has ended, with its result: back to the turn.
[[noreturn]] void finish(GuestThread* t) {
  push_finished(t);
  if (try_take(t)) take_over(t);
  wait_for_baton(t, g_turn.looks && t->bound_to == 0);
}

/// It has the turn again, or is to have it no more: whatever the call says is not waited for.
bool called_back(const GuestThread* t) { return t->baton.load() != baton_none || t->retire.load() != Retire::no; }

/// From here on the next call is made, unless the thread is wanted. A handler that comes behind the first line says so
/// itself; what came before is looked at.
void begin_call(GuestThread* t) {
  t->slot->request = 0;
  const bool wanted = t->slot->has_pending || called_back(t) || (control_requested() && g_turn.holder.load() == 0);
  if (wanted) t->slot->request = 1;
  if (std::exchange(t->call_begun, true)) t->call_limit.shorten(t->call_args);
}

/// Interrupted by the session alone: it has nothing to do with the guest.
bool only_control(const GuestThread* t, i64 result) {
  return (result == -EINTR || result == restart_call) && !t->slot->has_pending;
}

/// Waits in the engine's queue of a futex: on the thread's own baton, with the time limit of the guest's call. The
/// kernel decides, as natively, whether a signal makes the call begin anew.
i64 wait_on_futex(GuestThread* t) {
  if (looks_for_turn() && comes_soon([t] { return called_back(t); })) return restart_call;
  i64 r = guest_syscall_without_turn(t->call_number, t->call_args, *t->slot);
  if (t->retire.load() == Retire::stand) return r;
  if (called_back(t)) return r;                  // woken, and already its turn
  if (r == 0 || r == -EAGAIN) r = restart_call;  // no reason that the guest should hear of
  if (only_control(t, r)) return r;
  auto expected = FutexWait::waiting;
  if (!t->futex_wait.compare_exchange_strong(expected, FutexWait::left)) wait_for_baton(t);  // woken first
  return r;
}

void pass_turn(GuestThread* t) {
  t->slot->has_turn = false;
  give(std::exchange(t->successor, nullptr));
  wait_for_baton(t);
}

/// It is to stand: has anything happened by the call that must not happen twice? A signal that ends a call counts.
bool has_ended(GuestThread* t, i64 result, bool futex) {
  if (result == restart_call || only_control(t, result)) return false;
  if (!futex) return true;
  auto expected = FutexWait::waiting;
  return result == -EINTR && t->futex_wait.compare_exchange_strong(expected, FutexWait::left);
}

/// The kernel thread ends. If nobody is to have the turn, it goes to whoever comes first.
void exit_kernel_thread(GuestThread* t) {
  block_every_signal();
  t->slot->has_turn = false;
  if (t->successor != nullptr) {
    give(t->successor);
  } else if (!release(t)) {
    take_over(t);
  }
  for (;;) raw_syscall(SYS_exit, 0);
}

void kernel_thread(void* self) {
  auto* t = static_cast<GuestThread*>(self);
  use_signal_stack(t->slot);
  const u64 mask = t->signals.mask & ~synchronous_signals;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&mask), 0, 8);
  wait_for_baton(t);
}

/// Of a program that is taken over: FS is the guest's, and the kernel clears a word of the guest's when the thread
/// ends.
void adopted_kernel_thread(void* self) {
  auto* t = static_cast<GuestThread*>(self);
  fred_write_fs_base(fred_engine_fs);
  raw_syscall(SYS_set_tid_address, reinterpret_cast<u64>(&t->kernel_thread_alive));
  kernel_thread(self);
}

}  // namespace

void pass_baton(GuestThread& to, Baton baton) {
  to.baton = baton;
  futex_wake_one(to.baton);
}

void resume_control(GuestThread*) { fred_resume(g_turn.control_sp); }
void resume_own(GuestThread* t) { fred_resume(t->own_sp); }

void leave_for_call(GuestThread* t) {
  if (t->retire.load() == Retire::stand) {  // no call begins
    if (t->successor != nullptr) pass_turn(t);
    take_over(t);
  }
  auto* next = t->successor != nullptr ? std::exchange(t->successor, nullptr) : g_turn.successor(t);
  t->slot->has_turn = false;
  const bool futex = t->futex_wait.load() != FutexWait::none;
  if (next != nullptr) {
    if (!futex) {  // what the kernel does for it is done beside the other one
      g_turn.home.free(*t, 0);
      g_turn.home.leave();
    }
    give(next);
  } else if (!release(t)) {
    take_over(t);  // before the call: it is made when there is nothing else to do
  }
  for (;;) {
    begin_call(t);
    const i64 r = futex ? wait_on_futex(t) : guest_syscall_without_turn(t->call_number, t->call_args, *t->slot);
    if (called_back(t)) {
      if (t->retire.load() == Retire::stand && has_ended(t, r, futex)) {
        t->call_result = r;
        push_finished(t);
      }
      wait_for_baton(t);
    }
    if (only_control(t, r)) {
      if (control_requested() && try_take(t)) take_over(t);
      continue;  // who has the turn hears of it, or has done so
    }
    t->call_result = r;
    break;
  }
  if (g_turn.control_waits_for == t && try_take(t)) {
    // Nobody else can have run while the control flow waits for this thread, unless the turn is theirs now.
    if (g_turn.control_waits_for == t) return;
    push_finished(t);
    take_over(t);
  }
  finish(t);
}

void leave_home() {
  if (!g_turn.live || g_turn.here == nullptr) return;
  g_turn.home.free(*g_turn.here, 0);
  g_turn.home.leave();
}

void retire_kernel_thread(GuestThread& t, Retire how) {
  t.retire = how;
  pass_baton(t, baton_look);  // it may be about to wait for the turn, where no signal helps
  siginfo_t info{};
  info.si_code = leave_code;
  queue_signal(t.tid, control_signal, info);
  if (how == Retire::exit) await_end(t);
}

void await_end(const GuestThread& t) {
  for (u32 alive; (alive = t.kernel_thread_alive.load()) != 0;) {
    raw_syscall(SYS_futex, reinterpret_cast<u64>(&t.kernel_thread_alive), FUTEX_WAIT, alive, 0);
  }
}

namespace {
/// What a suspended stack does without the control flow; null: it goes on.
auto without_control(Order order) -> void (*)(GuestThread*) {
  switch (order) {
    case Order::pass:
      return &pass_turn;
    case Order::again:
      return &leave_for_call;
    case Order::exit:
      return &exit_kernel_thread;
    case Order::run:
    case Order::go_on:
      break;
  }
  return nullptr;
}
}  // namespace

void suspend_call(GuestThread& t) {
  t.order = Order::go_on;
  auto* then = g_turn.live ? &leave_for_call : &resume_control;
  do {
    fred_suspend(&t.own_sp, then, &t);
    then = without_control(t.order);
  } while (then != nullptr);
}

void own_stack(GuestThread* t) {
  for (;;) {
    if (t->order == Order::run) {
      t->function();
      t->calling = false;
    }
    auto* const then = without_control(t->order);
    fred_suspend(&t->own_sp, then != nullptr ? then : &resume_control, t);
  }
}

u64 prepare_stack(GuestThread& t) {
  t.stack = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (t.stack == MAP_FAILED) {
    t.stack = nullptr;
    return 0;
  }
  // As fred_suspend leaves a stack: r15 to r12, rbp, rbx, where to go on; aligned behind these.
  auto* sp = reinterpret_cast<u64*>(static_cast<u8*>(t.stack) + stack_size) - 7;
  sp[0] = sp[1] = sp[2] = sp[3] = 0;
  sp[4] = reinterpret_cast<u64>(&t);
  sp[5] = reinterpret_cast<u64>(&own_stack);
  sp[6] = reinterpret_cast<u64>(&fred_begin_stack);
  return t.own_sp = reinterpret_cast<u64>(sp);
}

void free_stack(GuestThread& t) {
  munmap(t.stack, stack_size);
  t.stack = nullptr;
}

i64 start_kernel_thread(GuestThread& t) {
  constexpr u64 flags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  t.kernel_thread_alive = 1;
  t.slot->has_turn = false;
  // No signal, not even the session's, finds the new thread without its signal stack.
  const u64 all = ~u64{0};
  u64 before = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&all), reinterpret_cast<u64>(&before), 8);
  // It starts below where the stack is suspended.
  const i64 id = fred_clone_on_stack(flags, reinterpret_cast<void*>((t.own_sp - 256) & ~u64{15}), &kernel_thread, &t,
                                     reinterpret_cast<u32*>(&t.kernel_thread_alive));
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&before), 0, 8);
  return id;
}

ThreadEntry kernel_thread_entry(GuestThread& t) {
  t.kernel_thread_alive = 1;
  t.slot->has_turn = false;
  // As behind a call: the stack is aligned 8 bytes before where it would return to.
  const u64 sp = ((t.own_sp - 256) & ~u64{15}) - sizeof(u64);
  return {.tid = t.tid,
          .pc = reinterpret_cast<u64>(&adopted_kernel_thread),
          .sp = sp,
          .argument = reinterpret_cast<u64>(&t)};
}

GuestThread* take_finished() {
  GuestThread* newest = g_turn.finished.exchange(nullptr);
  GuestThread* oldest = nullptr;  // turned round
  while (newest != nullptr) {
    auto* next = newest->next_finished;
    newest->next_finished = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

}  // namespace fred
