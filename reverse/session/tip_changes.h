// What the debugger changes where live stands: assignments, and functions that it calls there. Whoever goes through
// history finds all of it done at once, on arriving at the place in the program where it was done: the points in
// between are hidden. So going back from there leads to the instruction before that place, never into a function that
// gdb has called, and going forward arrives with the changes made.
//
// Hidden is also the point before the first change, if the program goes on from the same pc: it is the same place. A
// jump, or a call that has not ended, leaves from a place that stays visible: the last point before any register
// differs. Watches stop there all the same: one sees what the changes have done from before them to behind them.
#pragma once
#include <optional>
#include <vector>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred {

/// A part of history: [begin, end).
struct Span {
  Time begin, end;
  bool operator==(const Span&) const = default;
};

class TipChanges {
 public:
  struct Standing {
    Time time;
    Registers registers;
  };

  TipChanges() = default;
  /// History's begin is never hidden.
  explicit TipChanges(const Time& history_begin) : history_begin_(history_begin) {}

  /// A change has been made where live stands; it ticks.
  void changed(const Standing& before, const Standing& after);
  /// Live goes on. If what was changed looks like the call of a function, that call is remembered: it has ended when
  /// the caller's registers are set again.
  void runs();

  /// Ascending and disjoint.
  const std::vector<Span>& hidden() const { return hidden_; }
  std::optional<Span> around(const Time& time) const;
  /// Where the next hidden part begins behind `time`.
  std::optional<Time> next_hidden(const Time& time) const;
  /// The hidden part that ends at `time`.
  std::optional<Span> hidden_until(const Time& time) const;
  /// What happens at this Time is a change of the debugger's, or belongs to a function that it has called.
  bool made_at(const Time& time) const;
  /// [from, to) without what is hidden.
  std::vector<Span> visible(const Time& from, const Time& to) const;
  /// A Time (pc 0: the first of its tick) with so many visible ticks between it and `to`, or more; at least `begin`.
  Time ticks_before(const Time& to, u64 ticks, const Time& begin) const;
  /// Another number whenever what is hidden has changed.
  u64 edition() const { return edition_; }

 private:
  /// Changes with nothing executed in between, or with calls that have ended.
  struct Group {
    Time before, first, last;       // the point before the first change, behind it, behind the last
    Time intact, behind_intact;     // the last change's where registers were as before the first
    std::vector<Registers> states;  // before the first change and behind each
  };
  void hide(const Group& group);
  void hide(const Span& span);

  Time history_begin_;
  std::optional<Group> group_;
  std::vector<Group> calls_;  // that have not ended, the outermost first; their states: the callers'
  std::vector<Span> hidden_;
  std::vector<Span> made_;  // from before the first change to behind the last, of each group
  u64 edition_ = 0;
};

/// gdb calls a function by pushing a return address and setting pc.
bool looks_called(const Registers& now, const Registers& before);

}  // namespace fred
