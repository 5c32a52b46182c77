// Watched registers: their known values lie where translated code compares with them, behind each instruction that
// writes one (core/translate/watch_code.h); all other changes are found by comparing around what the engine does, as
// those of watched memory are (watches.h, which this is a part of).
#pragma once
#include <functional>
#include <vector>

#include "core/control/condition.h"
#include "core/dispatch/watch_check.h"

namespace fred {

class GuestEngine;

class RegisterWatches {
 public:
  /// As Watches::Report.
  using Report = std::function<void(std::size_t index, Hit hit)>;

  RegisterWatches(GuestEngine& engine, const Report& report) : engine_(engine), report_(report) {}

  // They are replaced as a whole: clear, add all, finish.
  void clear();
  void add(std::size_t index, Gpr gpr, std::optional<ThreadId> thread);
  void finish();
  bool any() const { return !watched_.empty(); }
  /// A bit for each Gpr that is watched.
  u16 mask() const;

  /// The values as they are now are what they will be compared with.
  void start();
  /// The same: another thread's registers are the guest's now.
  void enter_thread();
  /// What has changed by something that began at `at` and is over now.
  void compare(const Time& at);
  void take_found();
  void add_to(std::vector<Note>& notes) const;

 private:
  struct Subject {
    std::size_t index;  // of the condition
    std::optional<ThreadId> thread;
  };
  void know_values();

  GuestEngine& engine_;
  const Report& report_;
  std::vector<Subject> subjects_;  // of each of watched_
  std::vector<WatchedRegister> watched_;
};

}  // namespace fred
