// The turn of recorded processes that write to the same memory: one of them at a time executes guest code, so that
// what each sees of the others' writes changes only where it gets the turn back, at a Time of its own, and can be
// logged there (EventKind::turn, or with the system call that waited). Processes without such memory do not take part.
//
// The word lies in the page of the recorded processes (recorded_tree.h). Whoever holds it may die: that is noticed by
// those who wait.
#pragma once
#include <atomic>
#include <functional>

#include "core/base/types.h"

namespace fred {

class SharedTurn {
 public:
  /// In memory that all processes share; zeros at first.
  struct Word {
    std::atomic<i32> holder;   // process id; 0: nobody
    std::atomic<u32> waiting;  // processes
    std::atomic<i32> last;     // who had it last
    std::atomic<u32> members;  // processes that take part; one that was killed counts on
    std::atomic<u64> deaths;   // of holders: nobody knows what they have written
  };

  /// This process writes to memory that others share; idempotent. `word`: null where nobody else is recorded.
  void take_part(Word* word, i32 pid) {
    if (word_ == word) return;
    word_ = word;
    pid_ = pid;
    ++word_->members;
  }
  /// Called before it is given up, with the turn.
  void on_release(std::function<void()> handler) { on_release_ = std::move(handler); }
  /// Called when it has been taken, with the turn, before this process writes anything.
  void on_take(std::function<void()> handler) { on_take_ = std::move(handler); }
  /// Others take part as well.
  bool has_others() const { return word_->members.load() > 1; }
  bool takes_part() const { return word_ != nullptr; }

  bool held() const { return held_; }
  /// Waits for the turn. False: a signal has come instead.
  bool take();
  /// Does nothing if it is not held.
  void release();
  /// The others that wait go first; held again behind it, unless a signal has come.
  bool pass();
  bool others_wait() const { return word_->waiting.load() != 0; }
  /// Others have had it, and what they changed has not been looked for since.
  bool changes_due() const { return changes_due_; }
  void changes_found() { changes_due_ = false; }

  /// In a forked child: the turn is its parent's. (Snapshots and workers take no part at all.)
  void forget() {
    held_ = false;
    word_ = nullptr;
  }
  /// This process takes no part any more.
  void leave() {
    if (word_ == nullptr) return;
    release();
    --word_->members;
    word_ = nullptr;
  }

 private:
  Word* word_ = nullptr;
  i32 pid_ = 0;  // of this process: a vfork child acts for it
  bool held_ = false;
  bool changes_due_ = false;
  std::function<void()> on_release_, on_take_;
};

/// Gives the turn up for a call that may wait; `wanted` only where it is held.
class TurnAway {
 public:
  TurnAway(SharedTurn& turn, bool wanted) : turn_(turn), away_(wanted) {
    if (away_) turn_.release();
  }
  TurnAway(const TurnAway&) = delete;
  TurnAway& operator=(const TurnAway&) = delete;
  ~TurnAway() {
    while (away_ && !turn_.take()) {
    }
  }

 private:
  SharedTurn& turn_;
  bool away_;
};

}  // namespace fred
