// The places of a session in time, as values: where it has been (back and forward, as in a browser), what can be
// undone, bookmarks and checkpoints. Nothing here moves anything: each question gives the Time to go to.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// The places visited, in the order of visiting. A new visit forgets what lay forward.
class VisitedPlaces {
 public:
  /// The position is there now; the place where it is already is no new visit.
  void visit(const Time& time);
  /// The nth place back (forward) from here, which becomes the present one; an Error if there are fewer.
  Result<Time> back(u64 n = 1);
  Result<Time> forward(u64 n = 1);
  std::optional<Time> here() const;

 private:
  static constexpr std::size_t most = 10'000;  // the oldest go
  std::vector<Time> places_;
  std::size_t at_ = 0;
};

/// The state before each command that moved time.
class UndoHistory {
 public:
  /// A command moved the position from `before`.
  void moved(const Time& before, std::string command);
  struct Undone {
    Time time;
    std::string command;  // the earliest one that is undone
  };
  /// Takes back the last `n` commands; an Error if there are fewer, and then nothing changes.
  Result<Undone> undo(u64 n = 1);
  std::size_t size() const { return moves_.size(); }

 private:
  static constexpr std::size_t most = 10'000;
  std::vector<Undone> moves_;
};

/// Names of Times. Those that the user gave stay; of automatic ones (one for each stop) the latest stay.
class Bookmarks {
 public:
  struct Bookmark {
    std::string name;
    Time time;
    bool automatic = false;
    std::string note;  // why the session stopped there
  };
  /// Sets or moves a bookmark. An Error for a name that could be a time ("12", "5%", "end"), or is no word.
  Result<> set(std::string name, const Time& time);
  /// Bookmarks a stop; the same Time is bookmarked once. Gives the name.
  std::string add_automatic(const Time& time, std::string note);
  Result<Time> find(std::string_view name) const;
  Result<> remove(std::string_view name);
  /// In the order of time.
  std::vector<Bookmark> all() const;

 private:
  static constexpr std::size_t most_automatic = 100;
  std::vector<Bookmark> bookmarks_;  // in the order of making
  u64 next_automatic_ = 1;
};

/// gdb's checkpoints, which are only Times here. Numbers are not used again.
class Checkpoints {
 public:
  u32 add(const Time& time);
  Result<Time> find(u32 number) const;
  Result<> remove(u32 number);
  const std::map<u32, Time>& all() const { return times_; }

 private:
  std::map<u32, Time> times_;
  u32 next_ = 1;
};

}  // namespace fred
