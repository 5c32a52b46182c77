// The turn of live: one kernel thread at a time runs guest code and the engine. This is the part that threads without
// the turn execute, so nothing here allocates, logs, takes a lock or calls libc.
//
// The engine's own flow of control (RunControl, GuestEngine::advance) is one stack that goes from kernel thread to
// kernel thread with the turn, and one set of libc's thread-local data (FS) that all of them share. Every guest thread
// has a stack of its own besides, on which its system calls run: so one that waits in the kernel leaves the control
// flow to others, and goes on where it was when it has the turn again.
#pragma once
#include "core/attach/adopted_state.h"
#include "core/threads/guest_thread.h"
#include "core/threads/home.h"
#include "core/tree/shared_turn.h"

extern "C" {
void fred_suspend(fred::u64* sp, void (*then)(fred::GuestThread*), fred::GuestThread* thread);
[[noreturn]] void fred_resume(fred::u64 sp);
}

namespace fred {

/// All of it is written by the holder of the turn, but for the atomics.
struct Turn {
  std::atomic<i32> holder = 0;                   // the kernel's thread id; 0: all wait in the kernel
  std::atomic<GuestThread*> finished = nullptr;  // threads whose call has ended, linked by next_finished
  u64 control_sp = 0;                            // where the control flow is suspended
  GuestThread* here = nullptr;                   // whose kernel thread runs the control flow
  GuestThread* control_waits_for = nullptr;      // whose system call the control flow waits for
  GuestThread* (*successor)(GuestThread*) =
      nullptr;  // who is to have the turn when this thread waits; null: nobody yet
  bool live = true;
  bool looks = false;            // a thread that waits for the turn looks for it for a moment before it sleeps
  Home home;                     // where it is kept
  SharedTurn* shared = nullptr;  // that of processes, which this one holds as long as a thread of it has the turn
};
extern Turn g_turn;

/// GuestThread::call_result while the kernel has not given one.
constexpr i64 no_result = i64{1} << 63;

// Functions for fred_suspend().
/// The control flow goes on (on this kernel thread).
void resume_control(GuestThread* thread);
/// A thread's own stack goes on.
void resume_own(GuestThread* thread);
/// Gives the turn up and makes the kernel's part of the thread's call. Comes back if nobody has run meanwhile.
void leave_for_call(GuestThread* thread);

/// A stack that, resumed, runs own_stack(thread): where it is suspended.
u64 prepare_stack(GuestThread& thread);
void free_stack(GuestThread& thread);
/// Starts the kernel thread, which waits for the turn at once. The kernel's result: its id, or -errno.
i64 start_kernel_thread(GuestThread& thread);
/// The same for a kernel thread that is there already and enters the engine, as prepared here, from outside (a program
/// that is taken over): it comes with all signals blocked.
ThreadEntry kernel_thread_entry(GuestThread& thread);
/// Has a kernel thread without the turn do that. Returns when one that is to end has ended.
void retire_kernel_thread(GuestThread& thread, Retire how);
/// Returns when the kernel thread of one that is about to end has ended.
void await_end(const GuestThread& thread);
/// Wakes a thread that waits for its baton.
void pass_baton(GuestThread& to, Baton baton);
/// What every own stack does, for ever.
[[noreturn]] void own_stack(GuestThread* thread);
/// In the function of a system call: waits until the thread is to go on, with the turn.
void suspend_call(GuestThread& thread);

/// This kernel thread is about to become another process, or to be asked where it may run.
void leave_home();

/// Threads whose calls have ended since it was last asked, in that order.
GuestThread* take_finished();

}  // namespace fred
