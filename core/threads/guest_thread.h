// One thread of the guest: what defines it while another one runs, and the kernel thread and stack that live has for
// it.
#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "core/arch/x86/state_window.h"
#include "core/signals/guest_signals.h"
#include "core/threads/pace.h"
#include "core/threads/time_limit.h"

namespace fred {

struct NativeThread;

/// Of struct robust_list_head (linux/futex.h), which set_robust_list wants to be told.
inline constexpr u64 robust_list_size = 24;

/// Where a thread stands beyond its registers: what GuestEngine keeps of the thread that runs.
struct ThreadStand {
  bool after_call = false;               // behind a system call, or before a handler: signals are delivered
  bool alone = false;                    // the next instruction is executed alone
  u64 rest = 0;                          // iterations done of the rep instruction at pc
  std::optional<GuestFault> raised;      // not yet delivered
  std::optional<KernelSignal> waiting;   // live: to be delivered where the thread stands
  std::optional<Time> committed_call;    // live: the session was told that the system call there is next
  std::optional<Time> looked_for_break;  // at an instruction that cannot be fetched
  std::optional<u32> last_call;          // the last system call made, until the thread goes on
  std::optional<CutCall> cut_call;       // live: the session interrupted it
};

/// What a thread's own stack does when the engine's control flow has put it aside (turn.cpp, own_stack()).
enum class Order : u8 {
  run,    // the function of a system call
  go_on,  // with a system call that has waited without the turn
  again,  // live: with the kernel's part of such a call, without the turn
  pass,   // live: give the turn to the successor
  exit,   // live: the same, or to nobody, and end the kernel thread
};

/// What a thread without the turn is told by its baton.
enum Baton : u32 {
  baton_none,
  baton_turn,    // the turn and the engine's control flow are this thread's
  baton_look,    // it is to look at what becomes of it (Retire)
  baton_native,  // it leaves the engine (GuestThread::native)
};

/// How far the wait of a thread in the engine's own queue of a futex is. Who changes it first decides how it ends.
enum class FutexWait : u32 {
  none,
  waiting,
  woken,
  left,   // its time was over, or a signal came
  again,  // others have a say in the word now: the call begins anew
};

/// What a thread waits for in that queue.
struct FutexPlace {
  u64 address = 0;
  u32 bits = ~u32{0};      // FUTEX_WAIT_BITSET
  bool private_ = true;    // FUTEX_PRIVATE_FLAG
  bool owns_next = false;  // a priority-inheritance lock: whoever unlocks it makes the first in the queue its owner
  u64 then_lock = 0;       // FUTEX_WAIT_REQUEUE_PI: such a lock, on to which it is to be moved
};

/// What becomes of a thread without the turn when another one executes a program, or when all become native.
enum class Retire : u32 {
  no,
  exit,   // its kernel thread ends
  park,   // its kernel thread forgets the call that it is in, and waits for the turn
  stand,  // the same, but for a call that has ended; all its signals are blocked, and it says that it stands
};

struct GuestThread {
  u32 number = 0;  // in the order of creation, from 1: what events say
  i32 tid = 0;     // the kernel's id in live

  // While another thread runs.
  Registers registers = {};
  u64 rep_start = 0;
  ThreadSignals signals;
  ThreadStand stand;

  u8* vector_area = nullptr;  // Cpu::make_vector_area()
  Pace pace;                  // live
  std::string comm;           // at most 15 bytes
  GuestAddr robust_list;      // set_robust_list
  GuestAddr clear_tid;        // set_tid_address, CLONE_CHILD_CLEARTID: becomes 0 when the thread ends, 0: none

  // The system call that it is in.
  bool calling = false;       // its function has begun and not returned
  bool waiting = false;       // it waits without the turn: others run
  bool event_closed = false;  // its event was ended when the turn went
  bool exited = false;
  bool has_run = false;
  u64 call_number = 0;  // the kernel's part
  u64 call_args[6] = {};
  i64 call_result = 0;
  TimeLimit call_limit;
  bool call_begun = false;  // the kernel has been asked: next time less is left of the limit
  std::function<void()> function;

  // Its own stack, and live's kernel thread.
  void* stack = nullptr;
  u64 own_sp = 0;  // where that stack is suspended (fred_suspend)
  Order order = Order::pass;
  GuestThread* successor = nullptr;
  SignalSlot* slot = nullptr;
  u32 bound_to = 0;  // live: the processor that the kernel thread is kept on (home.h), plus 1; 0: none
  std::atomic<u32> baton = baton_none;  // a futex
  std::atomic<bool> looking = false;    // for the turn, before it sleeps
  std::atomic<Retire> retire = Retire::no;
  std::atomic<FutexWait> futex_wait = FutexWait::none;
  FutexPlace futex;                          // of such a wait
  bool futex_endless = false;                // without a time limit
  GuestThread* next_finished = nullptr;      // in the list of those whose call has ended
  std::atomic<u32> kernel_thread_alive = 0;  // the kernel clears it when the thread has gone
  std::atomic<u32> stands = 0;               // Retire::stand: 1 while it does; a futex
  const NativeThread* native = nullptr;      // what it becomes
};

}  // namespace fred
