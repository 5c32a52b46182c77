// The recorded processes of one recording: each is an engine with a log of its own in the recording's folder and a
// control socket to the session. This is what one of them knows of that: which it is, and how its children get a place.
//
// Processes are numbered from 1, the program that was started, in the order in which they begin. The counter lies in a
// page that all of them share: by the fork, or as a descriptor that an executed engine inherits.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/memory/page_journal.h"
#include "core/memory/unique_fd.h"
#include "core/tree/priority_waiters.h"
#include "core/tree/shared_turn.h"
#include "core/tree/writers.h"

namespace fred {

/// How a recorded process began.
enum class ProcessOrigin : u8 {
  started,   // by the session
  forked,    // its history begins at the fork in its parent's
  executed,  // by a child that had shared its parent's memory (vfork, posix_spawn): its history begins with its program
};

/// Which process this is; pointer-free, part of the first event of its log.
struct ProcessPlace {
  u32 number = 0;        // 0: not recorded
  u32 parent = 0;        // its parent's number; 0: none
  u64 parent_event = 0;  // the number of the event in the parent's log within which it began
  ProcessOrigin origin = ProcessOrigin::started;
  u8 reserved[3] = {};
  i32 pid = 0;
};

/// Where the log of a process lies in the recording's folder.
std::string log_path(const std::string& recording_dir, u32 process = 1);

class RecordedTree {
 public:
  /// The first process. `control`: its control socket, or -1.
  Result<> found(int control);
  /// A process that was executed by a recorded one; `page`: page_descriptor() there.
  Result<> join(int page, const ProcessPlace& place, int control);
  /// A worker: it re-executes this process.
  void replay(const ProcessPlace& place) { place_ = place; }

  const ProcessPlace& place() const { return place_; }
  int control() const { return control_; }
  int page_descriptor() const { return page_descriptor_; }

  /// The place of a child that begins within the event with this number; nothing if it cannot be recorded.
  std::optional<ProcessPlace> next_place(u64 event, ProcessOrigin origin);
  /// The counter that orders the events of all processes (EventStream::order_by); null while there is one process.
  std::atomic<u64>* order() { return page_ != nullptr && page_->last_number > 1 ? &page_->order : nullptr; }
  /// The turn of those that write to the same memory, and taking part in it from now on.
  SharedTurn& turn() { return turn_; }
  void share_memory() {
    if (page_ != nullptr) turn_.take_part(&page_->turn, place_.pid);
  }
  /// What those write that have it, and how many have died with it. Does not exist where nobody else is recorded.
  PageJournal page_journal() const { return page_ != nullptr ? PageJournal(&page_->journal) : PageJournal(); }
  u64 turn_deaths() const { return page_ != nullptr ? page_->turn.deaths.load() : 0; }
  /// While recording: who waits for their locks with priority inheritance.
  PriorityWaiters priority_waiters() const { return PriorityWaiters(page_->priority_waiters); }
  /// What all recorded processes have mapped, and nobody else; nothing where there is no such page.
  std::optional<MappedObject> mark() const;
  /// What is foreign to one of them is so to all that have it mapped (core/dispatch/foreign_access.h): each looks when
  /// the number has changed.
  u64 foreign_objects() const { return page_ != nullptr ? std::min(page_->foreign_count.load(), most_foreign) : 0; }
  bool is_foreign(const MappedObject& object) const;
  void tell_foreign(const MappedObject& object);
  /// A place for a forked child, with both ends of its control socket in the engine's range of descriptors.
  struct NewProcess {
    ProcessPlace place;
    int control = -1, session_end = -1;
  };
  std::optional<NewProcess> prepare(u64 event);
  /// The session learns of it before it is forked, and of its id behind that: if this process is killed within the
  /// fork, the child has its place. One that has executed another program says both itself.
  void announce(const NewProcess& child, i64 pid = 0) const;
  /// The parent's copies of the descriptors go.
  static void release(const NewProcess& child);
  /// In the forked child: it is that process from here on.
  void become(const NewProcess& child);
  /// Its log has begun: the session may have it re-executed.
  void tell_begun() const;
  /// It goes on without being recorded, and a line has said why.
  void tell_left() const;
  /// In a child: it is not recorded (any more).
  void leave();

  /// Before this process becomes one that takes orphans in (PR_SET_CHILD_SUBREAPER).
  void will_adopt();
  /// Before an orphan is made that is not of the program: false if a process of the recording might take it in.
  bool begin_orphan();
  /// It has got its new parent.
  void end_orphan();

 private:
  static constexpr u64 most_foreign = 64;  // more are foreign only to who has found it out
  /// One page, and what follows it.
  struct Page {
    std::atomic<u32> last_number;
    SharedTurn::Word turn;
    std::atomic<u64> foreign_count;
    MappedObject foreign[most_foreign];
    std::atomic<bool> adopts;        // some process takes orphans in, or did
    std::atomic<u32> orphan_makers;  // processes that are making one
    PriorityWaiters::Table priority_waiters;
    alignas(64) std::atomic<u64> order;
    alignas(page_size) PageJournal::Area journal;
  };
  static_assert(offsetof(Page, journal) == page_size);
  Result<> map(int descriptor);

  ProcessPlace place_;
  int control_ = -1;
  int page_descriptor_ = -1;
  Page* page_ = nullptr;
  SharedTurn turn_;
};

}  // namespace fred
