// The session's conditions at work in one engine process: in the translation (break points, watches), at system
// calls and signals, and at the Times at which the engine looks around. While they are armed to stop, what holds is
// kept as hits; while they are armed to note, it is counted and only the last one is kept.
#pragma once
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/control/condition.h"
#include "core/dispatch/cpu.h"
#include "core/dispatch/watches.h"

namespace fred {

class GuestEngine;

class Conditions {
 public:
  enum class Use : u8 { none, stop, note };

  explicit Conditions(GuestEngine& engine);

  /// Replaces all. An Error for two with the same id or an empty range; then those before stay.
  Result<> set(std::vector<Condition> conditions);
  /// Before the guest goes on: what holds from here on is stopped at, noted, or of no interest. Notes begin anew.
  /// What holds at `end` or behind it is not noted.
  void arm(Use use, const Time& end);

  /// The guest is about to go on from `at`, a Time at which the engine looks around: what holds there. Once per Time.
  void look(const Time& at);
  /// Armed to stop: what holds at the Time that was looked at, and what has happened on the way there.
  const std::vector<Hit>& hits() const { return hits_; }
  /// Has something happened (a change that is watched, a system call made) since it was armed?
  bool has_happened() const { return happened_; }
  std::vector<Hit> take_hits();
  /// Armed to note: one for each condition, in their order.
  std::vector<Note> notes();

  Watches& watches() { return watches_; }

  // What GuestEngine asks. ----------------------------------------------------------------------------------

  /// Is the engine to look around before this system call, or this signal, at `at`? Says so once for each Time.
  bool wants_system_call(u32 number, const Time& at);
  bool wants_signal(int number, const Time& at);
  void system_call_made(u32 number);
  /// Within a system call, before it is made: it was this. `pid`: of a child; `end`: Hit::end.
  void process_event(ProcessCondition::Event event, i64 pid, i32 end = -1) {
    process_event_ = {event, static_cast<u32>(pid), end};
  }
  /// Live: children are to stand where they begin.
  bool holds_children() const { return has_processes_ && use_ == Use::stop; }
  /// Another thread runs from here on: before the switch, and behind it.
  void leave_thread();
  void enter_thread();
  /// Within a vfork child nobody stops, and nothing is noted; what it does to memory has happened when it has gone.
  void set_suspended(bool suspended);

 private:
  struct Found {
    u64 count = 0;
    std::optional<Hit> last;
  };
  void arm_break_points();
  void disarm_break_points();
  bool for_this_thread(const Condition& c) const;
  void found(std::size_t index, Hit hit);
  void happened(std::size_t index, Hit hit);
  void look_at_break(std::size_t index, const BreakCondition& c, const Time& at);

  GuestEngine& engine_;
  std::vector<Condition> conditions_;
  std::vector<NoteSlot*> slots_;  // of break conditions, while armed to note; else null
  std::vector<NoteSlot> saved_slots_;
  std::vector<NoteSlot> thread_slots_;  // of conditions of one thread, while others run
  std::vector<Found> found_;            // armed to note
  Time end_;
  std::vector<Hit> hits_;                                     // armed to stop
  std::unordered_map<u64, std::vector<std::size_t>> breaks_;  // by pc
  bool has_calls_ = false, has_signals_ = false, has_processes_ = false, has_turns_ = false;
  bool happened_ = false, suspended_ = false;
  Use use_ = Use::none;
  Use break_points_ = Use::none;   // as they are in the translation
  std::optional<u32> vfork_call_;  // suspended: what has not returned
  struct MadeEvent {
    ProcessCondition::Event event{};
    u32 pid = 0;
    i32 end = -1;
  };
  std::optional<MadeEvent> process_event_;  // of the system call that is made
  std::optional<Time> announced_call_, announced_signal_;
  Watches watches_;
};

}  // namespace fred
