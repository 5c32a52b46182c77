// Who is next, and for how long: the policy by which the turn goes from thread to thread. Asked in live only; what it
// said is in the log.
//
//   fair    the turn goes round, in slices of the same length; who spins gives way earlier (pace.h)
//   chaos   finds what a fair schedule hides. The same seed makes the same choices, as far as the outside world does.
//
// Chaos goes through phases of random length. Each has its own longest slice, from 2 to 2^18 ticks, because races
// differ in their grain: two threads that must each be within the same few instructions meet if the turn changes every
// few ticks, and one that must stay away while another does much needs a long slice. (With slices of every length
// mixed, a window of three ticks that is passed once is met once in a thousand runs.) Short phases are over soon, so
// that long programs get on all the same.
//   - A thread may lose the turn behind any system call: that is where locks are given back and others are woken.
//   - It may also lose it between two ticks, some instructions after the end of its slice: a load, an addition and a
//     store have no tick between them.
//   - A thread that could run, a new one above all, may be held back for up to 2^10 slices, or until there is no other.
//     The first of several short-lived threads would else be done before the last one is there, and what is woken or
//     preempted would come back before anybody else gets far.
//   - Priorities, which change now and then: among those who could run, some run again and again.
#pragma once
#include <deque>
#include <optional>
#include <random>

#include "core/base/types.h"

namespace fred {

struct GuestThread;

class Scheduler {
 public:
  explicit Scheduler(std::optional<u64> chaos_seed);

  /// `why`: it is new, what it waited for has come, or its slice is over.
  enum class Why : u8 { created, woken, preempted };
  void make_ready(GuestThread& thread, Why why);
  bool has_ready() const;
  /// Is there one for which the running thread is to give way? Not if all are held back.
  bool has_other() const;
  /// The one that take() will give; there is one.
  GuestThread& front();
  GuestThread& take();
  void forget_all() {
    ready_.clear();
    alone_ = nullptr;
  }

  /// From now on none but this one is chosen (null: any); with `unless_waits` others are while it is not ready.
  void run_alone(const GuestThread* thread, bool unless_waits) {
    alone_ = thread;
    unless_waits_ = unless_waits;
    chosen_.reset();
  }
  const GuestThread* alone() const { return alone_; }
  /// The running thread must give way, even if nobody else can run.
  bool holds_back(const GuestThread& running) const {
    return alone_ != nullptr && !unless_waits_ && alone_ != &running;
  }

  /// Ticks that the next thread may run while others could.
  u64 slice();
  /// Behind a system call of the running thread: are others to run before it?
  bool preempts_behind_call();
  /// Instructions that the thread whose slice is over still executes, unless a tick comes before.
  u64 further_instructions();

 private:
  u64 random(u64 below) { return std::uniform_int_distribution<u64>(0, below - 1)(*chaos_); }
  std::size_t choose();
  std::optional<std::size_t> place_of_alone() const;
  void begin_phase();

  struct Ready {
    GuestThread* thread;
    u64 held_until;  // slices_
  };
  std::deque<Ready> ready_;  // in the order in which they became so
  std::optional<std::mt19937_64> chaos_;
  const GuestThread* alone_ = nullptr;
  bool unless_waits_ = false;
  // Of chaos.
  u64 generation_ = 0;                 // of the priorities
  u64 slices_ = 0;                     // so far
  u64 phase_holds_ = 0;                // of eight threads that become ready so many are held back
  u64 phase_slices_ = 0;               // that are left of this phase
  u64 phase_bits_ = 1;                 // its longest slice is two to this power
  u64 phase_calls_ = 0;                // of eight system calls so many are followed by others
  bool phase_starves_ = false;         // the ready one with the highest priority always runs
  std::optional<std::size_t> chosen_;  // in ready_
};

}  // namespace fred
