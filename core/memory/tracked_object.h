// One object of memory that only recorded processes share, as one of them has it mapped: what it last knew of each
// page, and which pages it may have written since.
//
//   closed   write-protected: what is there is what is known, as far as this process is concerned
//   open     it may have been written; compared whenever the turn is given up
//
// A store into a closed page faults and opens it. An open page in which nothing changes for some turns is closed again;
// one that changes at each turn stays open, as comparing is cheaper than a fault. The guest sees none of this.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/memory/page_journal.h"
#include "core/memory/shared_shadow.h"

namespace fred {

/// Where a part of the object is mapped.
struct ObjectPlace {
  GuestRange range;
  u64 first = 0;  // page of the object at range.begin
  int prot = 0;   // what it really has where nothing is closed

  u64 end() const { return first + range.size() / page_size; }
  GuestAddr address(u64 page) const { return range.begin + (page - first) * page_size; }
  bool operator==(const ObjectPlace&) const = default;
};

class TrackedObject {
 public:
  explicit TrackedObject(u64 id) : id_(id) {}

  u64 id() const { return id_; }
  const std::vector<ObjectPlace>& places() const { return places_; }
  u64 size() const { return pages_.size() * page_size; }

  /// It is mapped there now. Pages of a new object are known as they are; of an old one, those that were not mapped
  /// until now count as written.
  void map(std::vector<ObjectPlace> places);

  /// A store into a closed page: it is open now. False: it was not closed. For the kernel signal handler: nothing is
  /// allocated, and libc is not called.
  bool write_fault(const ObjectPlace& place, u64 page);
  /// Somebody else is about to write there: those that are closed open.
  void open(const ObjectPlace& place, GuestRange range);
  /// All of it.
  void open_all();
  /// What was written becomes known, and goes to the journal. Unchanged pages may be closed.
  void settle(PageJournal& journal);
  /// What is there now becomes known, where others have written: what changed goes to `changed`.
  void absorb(u64 page, std::vector<GuestRange>& changed);
  void absorb_all(std::vector<GuestRange>& changed);
  /// It is not tracked any longer, but compared as a whole.
  void give_to(SharedShadow& shadow);

  u64 faults() const { return faults_; }
  u64 compared() const { return compared_; }

 private:
  struct PageState {
    bool mapped = false, open = false;
    bool written = false;  // whatever a comparison says
    u8 unchanged = 0;      // turns
  };
  bool never_closed() const;
  const ObjectPlace* place_of(u64 page) const;
  bool protect(const ObjectPlace& place, u64 first, u64 end, int prot) const;
  /// How many more runs of open pages there are with that page; -1: it joins two.
  u64 runs_made_by(u64 page) const;
  void mark_open(u64 page);
  void mark_closed(u64 page);
  void open_run(const ObjectPlace& place, u64 first, u64 end);
  std::optional<GuestRange> take_change(const ObjectPlace& place, u64 page);
  template <class Function>
  void for_each_existing(Function&& look);
  void settle_page(const ObjectPlace& place, u64 page, PageJournal& journal);
  void settle_all(PageJournal& journal);
  void close(std::vector<u64>& pages);
  void close_all();

  u64 id_;
  bool newborn_ = true;              // nobody else has it yet
  bool all_open_ = true;             // whatever the states of the pages say
  bool aliased_ = false;             // some page is mapped twice
  std::vector<ObjectPlace> places_;  // by first page
  std::vector<PageState> pages_;
  std::vector<SharedShadow::PagePointer> known_;  // null: zeros
  std::vector<u64> open_;                         // room for all, so that a handler can add to it
  u64 runs_ = 0;                                  // of open pages
  u64 next_fault_ = 0, opened_ = 0;               // where the last fault's pages end, and how many they are
  u64 faults_ = 0, compared_ = 0;
};

}  // namespace fred
