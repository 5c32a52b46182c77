// Watched memory: a copy of the watched bytes, with which memory is compared after everything that may have changed
// them. Translated code finds by the address of an access whether it may concern a watched range
// (core/translate/watch_code.h) and calls watch_check.cpp; all other changes (system calls, frames of signals,
// stepped instructions, edits) are found by comparing all ranges around them.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "core/control/condition.h"
#include "core/dispatch/cpu.h"
#include "core/dispatch/register_watches.h"
#include "core/dispatch/watch_check.h"
#include "core/translate/accesses.h"

namespace fred {

class GuestEngine;

class Watches {
 public:
  /// `report(index, hit)`: the condition with the index given to add() held.
  using Report = std::function<void(std::size_t index, Hit hit)>;

  Watches(GuestEngine& engine, Report report);

  /// They are replaced as a whole: clear, add all, finish.
  void clear();
  void add(std::size_t index, const WatchCondition& condition);
  void add(std::size_t index, const RegisterCondition& condition, std::optional<ThreadId> thread);
  void finish();
  bool any() const { return !watched_.empty() || registers_.any(); }

  /// From here on accesses are found; the bytes as they are now are what they will be compared with. `notes`: they
  /// are counted, and translated code goes on.
  void start(bool notes);
  void stop();
  bool active() const { return mode_ != WatchMode::off; }
  void set_suspended(bool suspended);
  void enter_thread() { registers_.enter_thread(); }

  /// What has changed by something that began at `at` and is over now.
  void compare(const Time& at);
  /// The same after translated code has accessed memory that was not mapped when it was last compared.
  void finish_incomplete();
  /// Reports what translated code has found since it was last asked.
  void take_found();
  /// Adds what translated code has counted.
  void add_to(std::vector<Note>& notes) const;

  /// Does anybody want to know of reads? Then the kernel's, for the system call that is being made, belong here.
  bool wants_reads() const { return active() && reads_; }
  void kernel_reads(GuestRange range) { kernel_reads_.push_back(range); }

  /// Around something that the engine itself does to the guest: compares at its end.
  class Change {
   public:
    Change(Watches& watches, const Time& at) : watches_(watches), at_(at) {}
    ~Change() {
      if (watches_.active()) watches_.end_change(at_);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    Watches& watches_;
    Time at_;
  };

  /// Around an instruction that is stepped: finds what it reads as well.
  struct Step {
    Time at;
    std::optional<Instruction> instruction;  // if it can matter
    Accesses accesses;
    std::vector<Touched> others;
    Registers registers;
  };
  Step before_step();
  /// `executed`: it did not fault.
  void after_step(const Step& step, bool executed);

 private:
  struct Range {
    std::size_t index;  // of the condition
    WatchCondition condition;
    std::vector<u8> bytes;  // as they were when last looked at
  };
  void mark_granules();
  bool refresh(std::size_t i);
  Hit hit_of(const Watched& w) const;
  void end_change(const Time& at);
  void note_access(const Touched& touched, const Time& at);

  GuestEngine& engine_;
  Report report_;
  std::vector<Range> ranges_;     // of each of watched_
  std::vector<Watched> watched_;  // ascending by begin
  RegisterWatches registers_;
  WatchTable& table_;
  WatchMode mode_ = WatchMode::off;  // if it is not suspended
  bool suspended_ = false;
  bool reads_ = false;  // some range wants reads
  std::vector<GuestRange> kernel_reads_;
  std::optional<Time> pending_;        // suspended: since when changes have not been reported
  std::vector<std::size_t> reported_;  // of watched_, for the instruction that is being stepped
  std::vector<u8> before_, now_;
};

}  // namespace fred
