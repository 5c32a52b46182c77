#include "reverse/timeline/places.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "reverse/timeline/time_text.h"

namespace fred {
namespace {
std::string_view plural(u64 n) { return n == 1 ? "" : "s"; }
}  // namespace

void VisitedPlaces::visit(const Time& time) {
  if (here() == time) return;
  if (!places_.empty()) places_.resize(at_ + 1);
  places_.push_back(time);
  if (places_.size() > most) places_.erase(places_.begin());
  at_ = places_.size() - 1;
}

std::optional<Time> VisitedPlaces::here() const { return places_.empty() ? std::nullopt : std::optional(places_[at_]); }

Result<Time> VisitedPlaces::back(u64 n) {
  if (at_ == 0) return fail("no place back");
  if (n > at_) return fail(fmt::format("there are only {} place{} back", at_, plural(at_)));
  at_ -= n;
  return places_[at_];
}

Result<Time> VisitedPlaces::forward(u64 n) {
  const std::size_t ahead = places_.empty() ? 0 : places_.size() - 1 - at_;
  if (ahead == 0) return fail("no place forward");
  if (n > ahead) return fail(fmt::format("there are only {} place{} forward", ahead, plural(ahead)));
  at_ += n;
  return places_[at_];
}

void UndoHistory::moved(const Time& before, std::string command) {
  moves_.push_back({before, std::move(command)});
  if (moves_.size() > most) moves_.erase(moves_.begin());
}

Result<UndoHistory::Undone> UndoHistory::undo(u64 n) {
  if (moves_.empty()) return fail("nothing to undo");
  if (n == 0) return fail("undo 0 undoes nothing");
  if (n > moves_.size()) {
    return fail(fmt::format("only the last {} command{} can be undone", moves_.size(), plural(moves_.size())));
  }
  const std::size_t kept = moves_.size() - n;
  Undone undone = std::move(moves_[kept]);
  moves_.resize(kept);
  return undone;
}

Result<> Bookmarks::set(std::string name, const Time& time) {
  const bool word = !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isgraph(c) != 0; });
  if (!word || parse_time_text(name)) return fail(fmt::format("\"{}\" cannot name a bookmark", name));
  const auto found = std::ranges::find(bookmarks_, name, &Bookmark::name);
  if (found == bookmarks_.end()) {
    bookmarks_.push_back({std::move(name), time, false, {}});
  } else {
    *found = {std::move(name), time, false, {}};
  }
  return {};
}

std::string Bookmarks::add_automatic(const Time& time, std::string note) {
  const auto automatic_there = [&](const Bookmark& b) { return b.automatic && b.time == time; };
  const auto found = std::ranges::find_if(bookmarks_, automatic_there);
  if (found != bookmarks_.end()) {
    found->note = std::move(note);
    return found->name;
  }
  std::string name;
  do {
    name = fmt::format("stop{}", next_automatic_++);
  } while (find(name));
  if (std::ranges::count(bookmarks_, true, &Bookmark::automatic) >= static_cast<std::ptrdiff_t>(most_automatic)) {
    bookmarks_.erase(std::ranges::find(bookmarks_, true, &Bookmark::automatic));
  }
  bookmarks_.push_back({name, time, true, std::move(note)});
  return name;
}

Result<Time> Bookmarks::find(std::string_view name) const {
  const auto found = std::ranges::find(bookmarks_, name, &Bookmark::name);
  if (found == bookmarks_.end()) return fail(fmt::format("no bookmark is named \"{}\"", name));
  return found->time;
}

Result<> Bookmarks::remove(std::string_view name) {
  const auto found = std::ranges::find(bookmarks_, name, &Bookmark::name);
  if (found == bookmarks_.end()) return fail(fmt::format("no bookmark is named \"{}\"", name));
  bookmarks_.erase(found);
  return {};
}

std::vector<Bookmarks::Bookmark> Bookmarks::all() const {
  std::vector<Bookmark> sorted = bookmarks_;
  std::ranges::stable_sort(sorted, {}, &Bookmark::time);
  return sorted;
}

u32 Checkpoints::add(const Time& time) {
  times_[next_] = time;
  return next_++;
}

Result<Time> Checkpoints::find(u32 number) const {
  const auto found = times_.find(number);
  if (found == times_.end()) return fail(fmt::format("there is no checkpoint {}", number));
  return found->second;
}

Result<> Checkpoints::remove(u32 number) {
  if (times_.erase(number) == 0) return fail(fmt::format("there is no checkpoint {}", number));
  return {};
}

}  // namespace fred
