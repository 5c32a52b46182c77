// Memory that only recorded processes share (MAP_SHARED|MAP_ANONYMOUS, once a child has it): what one of them writes,
// the others learn from a journal, so that a change of the turn costs what was written and not what is mapped. Live
// only.
//
// This holds as long as nothing writes there that the protection of pages does not see. What the engine knows to do so
// says it before (open(), changing()). Where that cannot be known, the object is compared as a whole from then on, by
// all processes that have it: shared_shadow.h.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "core/memory/page_journal.h"
#include "core/memory/shared_shadow.h"

namespace fred {

class TrackedObject;

class SharedPages {
 public:
  SharedPages(const AddressMap& table, SharedShadow& shadow);
  ~SharedPages();

  /// What is made from now on is tracked. `deaths`: of processes that had the turn, so far. `may_tell`: does this one
  /// have it?
  void begin(const PageJournal& journal, u64 deaths, std::function<bool()> may_tell);
  /// This process goes on outside of the recording: others do not learn any more what it writes.
  void stop();
  /// This is a fork that is no process of the recording, and is about to get a copy of the memory.
  void forget();
  bool empty() const { return objects_.empty(); }

  /// The mapping has just become shared, or been moved or made longer. False: it is not tracked.
  bool follow(const Mapping& mapping);

  /// A store into a page that is write-protected here: it may be repeated. For the kernel signal handler.
  bool write_fault(GuestAddr at);
  /// The kernel, or the engine, is about to write there without a store that faults.
  void open(GuestRange range);
  /// Mappings in the range are about to go, to move or to change.
  void changing(GuestRange range);
  /// All writers of what lies there cannot be known.
  void compare_whole(GuestRange range);
  /// Of this process, now and later.
  void compare_everything();

  /// With the turn, before it is given up, or before a fork: what this process has written becomes known to others.
  void settle();
  /// With the turn, before anything is written: what others have written is found.
  void absorb(u64 deaths);
  /// What has been found since the last time. Ranges lie within a page each.
  std::vector<GuestRange> take_changes();

  u64 faults() const;
  u64 compared() const;

 private:
  /// A place of an object, found by its address.
  struct Place;
  TrackedObject* find(u64 id) const;
  /// Brings the places up to date with the table.
  void find_places();
  template <class Function>
  void for_each_place(GuestRange range, Function&& look);
  void hand_over(u64 id);
  /// Before it goes: statistics.
  void count_past(const TrackedObject& object);

  const AddressMap& table_;
  SharedShadow& shadow_;
  PageJournal journal_;
  std::function<bool()> may_tell_;
  std::vector<std::unique_ptr<TrackedObject>> objects_;
  std::vector<Place> places_;  // by address
  bool stale_ = false;
  bool nothing_ = false;  // is tracked any more
  u64 seen_ = 0;          // of the journal
  u64 seen_comparisons_ = 0, seen_deaths_ = 0;
  std::vector<GuestRange> changed_;
  u64 past_faults_ = 0, past_compared_ = 0;  // of objects that are gone
};

}  // namespace fred
