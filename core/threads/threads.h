// The guest's threads: who runs, who is next, and how the turn goes from one to another (turn.h). One runs at a time;
// its registers are in the state window, those of the others in their GuestThread.
//
// A system call that may wait is carried out on the thread's own stack. While it waits, others run; when it goes on,
// it does so in a new event (EventKind::call_end), with the turn. In a worker there is one kernel thread, nothing
// waits, and the log says who runs when.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/attach/adopted_state.h"
#include "core/control/condition.h"
#include "core/syscalls/syscall.h"
#include "core/threads/futex_queue.h"
#include "core/threads/scheduler.h"
#include "core/threads/turn.h"

namespace fred {

class GuestEngine;

class Threads {
 public:
  explicit Threads(GuestEngine& engine);
  ~Threads();

  const GuestThread& running() const { return *running_; }
  bool alone() const { return threads_.size() == 1; }
  /// The thread with this id, 0: the running one; null: there is none.
  const GuestThread* find(ThreadId id) const;
  bool is_running(const GuestThread& thread) const { return &thread == running_; }
  std::vector<ThreadFact> facts() const;
  /// The running thread has just got the turn back, which it lost before the instruction that is next.
  bool just_arrived() const;
  /// The running thread waits or has ended: nothing of it can be executed before next().
  bool stuck() const { return running_->waiting || running_->exited; }

  /// The mask of the thread whose kernel thread runs the control flow: not always the running one, if that is stuck.
  u64 mask_here() const;

  // The control flow.
  /// Carries out a system call as the running thread. Behind it the thread may be stuck.
  void call(std::function<void()> function);
  /// Live: is it another thread's turn here, perhaps behind a system call?
  bool switch_due(bool behind_call);
  /// Can that be?
  bool takes_turns() const;
  /// Where the clock is to stop for the next look at that; 0: nowhere.
  u64 next_look() const;
  /// Live: the running thread loses the turn within this tick, and executes one instruction at a time until then.
  bool by_instructions() const { return further_ != 0; }
  /// Another thread runs. False: there is none that could, as far as is known (live: the session wants something
  /// meanwhile; a worker: the log ends).
  bool next();
  /// A worker: does the log have another thread run from here on?
  bool switch_recorded();

  // Functions of system calls.
  /// Live: may the call wait without the turn?
  bool can_wait() const;
  /// The kernel's part of a call that may wait, for as long as others have the turn.
  i64 wait(u64 number, const u64 (&args)[6], const TimeLimit& limit);
  struct NewThread {
    u64 flags = 0;  // of clone
    GuestAddr stack, parent_tid, child_tid;
    u64 tls = 0;
  };
  i64 create(Syscall& call, const NewThread& wanted);
  /// Live: the running thread is the first of a program that is taken over. The others, which stand outside of the
  /// engine, become its threads: where their kernel threads are to enter it, in the order of `others`.
  Result<std::vector<ThreadEntry>> adopt(const AdoptedThread& first, std::span<const AdoptedThread> others);
  /// The running thread ends; it is not the only one. What the call gives, if it is to begin anew instead.
  i64 exit(Syscall& call);
  void set_clear_tid(GuestAddr at) { running_->clear_tid = at; }
  /// The program asks where its threads may run; `for_good`: it chooses. They are as it left them (home.h).
  void free_processors(bool for_good);
  /// sched_yield: others first.
  void yield() { yielded_ = true; }
  /// Live: the running thread probably waits, by spinning, for what others are to do: they are next at the next tick.
  void spins();
  /// The same, if it is found so by a look where it stands, at a tick (pace.h). True: they are next, here.
  bool look_for_spinning();
  /// Ticks of one counter until then.
  u64 look_every() const;
  /// How often a thread that spun let others go first.
  u64 gave_way() const { return gave_way_; }
  struct FutexLimit {
    GuestAddr at;           // struct timespec; 0: none
    bool absolute = false;  // on CLOCK_MONOTONIC, or CLOCK_REALTIME
    bool realtime = false;
  };
  /// Can other processes see the word?
  bool is_shared_word(GuestAddr at) const;
  /// The word as the kernel is to get it.
  u64 kernel_address(GuestAddr at) const;
  /// 0: woken, or the owner. The value was looked at before.
  i64 wait_on_futex(Syscall& call, const FutexPlace& place, const FutexLimit& limit);
  i64 wake_futex(u64 address, u32 most, u32 bits);
  /// The same of a word that other processes may know.
  void wake_anywhere(GuestAddr at);
  /// Does a thread wait for words of this process in the kernel (futex_waitv, …)?
  bool futex_waits_in_kernel() const;
  i64 requeue_futex(u64 from, u64 to, u32 wake, u32 move);
  /// Live: the first thread that waits for the lock with priority inheritance becomes its owner. Its id; 0: none waits.
  u32 hand_over_lock(u64 lock);
  /// Live: FUTEX_CMP_REQUEUE_PI, at most `most` threads. How many, or -errno.
  i64 move_on_to_lock(Syscall& call, u64 from, GuestAddr lock, u64 most);
  /// Memory has become one with other processes: who waits for a word there now waits in the kernel.
  void words_became_shared();

  /// Live: from now on this thread alone has the turn, also if it waits (0: any); with `unless_waits` others have it
  /// while it waits. That ends with the thread. False: there is no such thread.
  bool run_alone(ThreadId id, bool unless_waits);
  /// The program goes on for the session: one that it was told of before is told again.
  void tell_deadlock_again() { told_deadlock_ = false; }
  /// Live: the running thread, the only one, is about to wait for ever on a word that only threads of its process know.
  void waits_alone(u64 address);

  /// execve: the others end, and the running thread goes on as the first one, if that still is. In two parts: the
  /// second is the control flow's, behind the call.
  void end_others();
  void become_first();
  /// Live: the process ends. What the kernel would do with its robust mutexes at a moment of its own is done now, with
  /// the turn of the processes that share them.
  void end_process();
  /// Where the kernel writes to if this process is killed now.
  void for_each_robust_word(const std::function<void(GuestAddr)>& look) const;
  /// In a forked child only the thread that forked is left; `tid` is its id there.
  void forked_child(GuestAddr clear_tid, i32 tid);
  /// From here on this process re-executes.
  void become_worker();
  /// Live, between instructions: all threads leave the engine, each as what it is in the program. `release_process` is
  /// called when none of them can run engine code any more, and all signals are blocked. Then the engine's memory goes
  /// (remains.h), and last of all the descriptor that it gives is closed.
  [[noreturn]] void go_native(const std::function<i64()>& release_process);
  /// A worker: the recorded call waited; comes back when the thread goes on.
  void wait_as_recorded();

 private:
  void prepare_first();
  void resume(GuestThread& thread);
  void went_to_wait(GuestThread& thread);
  void go_on_in_event();
  bool idle();
  void stand_still();
  bool wait_for_alone();
  /// Live: tells the session if all threads wait for each other for ever (deadlock.cpp).
  void look_for_deadlock();
  void tell_deadlock(const std::string& text);
  void begin_slice();
  void switch_to(GuestThread& thread);
  void save(GuestThread& thread);
  void load(GuestThread& thread);
  void collect_finished();
  void bury(GuestThread& thread);
  void free_dead();
  void end_robust_list();
  void end_locks(Syscall& call);
  void forget_robust_list();
  static GuestThread* successor_of(GuestThread* thread);
  static void free_thread(GuestThread& thread);

  GuestEngine& engine_;
  Scheduler scheduler_;
  FutexQueue futexes_;
  std::vector<std::unique_ptr<GuestThread>> threads_;  // that have not ended
  std::vector<std::unique_ptr<GuestThread>> dead_;     // whose kernel thread may still be there
  GuestThread* running_ = nullptr;
  u32 last_number_ = 0;
  u64 gave_way_ = 0;  // spins(), with somebody else to go first
  u64 slice_begin_ = 0, slice_end_ = 0;
  Time arrival_;        // where just_arrived() is true
  u64 further_ = 0;     // instructions that are left to a thread that loses the turn between two ticks
  u64 further_in_ = 0;  // the tick that they have to be in
  bool told_deadlock_ = false;
  bool yielded_ = false;
  bool executed_ = false;  // become_first() is due
};

}  // namespace fred
