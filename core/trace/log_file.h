// The event log as a file that is written and read through moving windows of shared memory: no copy, no
// system call per event, bounded memory, and what was written survives the death of the writer.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "core/base/error.h"
#include "core/trace/event.h"

namespace fred {

/// Appends events. Room is allocated on the disk before it is written, so a full disk is an Error at a
/// known place and never a fault. The descriptor is kept high, out of the guest's way.
class LogWriter {
 public:
  LogWriter() = default;
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();

  Result<> open(const std::string& path);

  /// Begins a record; only one is open at a time. A full disk ends the process with one line and 125.
  /// `hash`: of the registers, if they are not to be an item.
  void begin(EventKind kind, u32 detail, const Time& time, std::optional<u32> hash);
  void item(ItemKind kind, const void* data, u64 size, GuestAddr at = {});
  /// An item of `size` bytes for the caller to fill at once (before the next call of the writer).
  u8* item_space(ItemKind kind, u64 size, GuestAddr at = {});
  void end();
  bool in_event() const { return event_ != no_event; }
  /// The open record has never been.
  void drop();

  /// Nothing more is written: room that was not needed is given back. (A page behind the end stays, for readers.)
  void finish();

  /// Forgets the log in a forked child that does not record: nothing of it is written any more. The child never had
  /// the window.
  void abandon();

  // The short way (core/dispatch/light.h): a whole record at once, if the window has room for it. No call of
  // anything else.
  u8* try_reserve(u64 size) { return in_event() || used_ + size > window_size_ ? nullptr : window_ + used_; }
  void commit(u64 size) {
    used_ += size;
    ++events_;
  }

  u64 bytes() const { return base_ + used_; }
  u64 events() const { return events_; }

 private:
  static constexpr u64 no_event = ~u64{0};
  void make_room(u64 size);
  u8* take(u64 size);

  int fd_ = -1;
  u8* window_ = nullptr;
  u64 window_size_ = 0;
  u64 base_ = 0;          // file offset of the window
  u64 used_ = 0;          // bytes used in the window
  u64 event_ = no_event;  // file offset of the open record
  u64 events_ = 0;
};

/// Reads events in order.
class LogReader {
 public:
  LogReader() = default;
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;
  ~LogReader();

  /// `from`: offset of the first event to read, which is number `events_before`. The log may still grow. One that was
  /// open before is closed.
  Result<> open(const std::string& path, u64 from = 0, u64 events_before = 0);

  void close();

  /// The event that next() would give; nullptr at the end of the log.
  const EventHeader* peek();
  /// Is there an event behind that one?
  bool has_second();
  /// Takes the event: its items are read from now on.
  const EventHeader* next();

  /// The record of this event, at which the log breaks off, is read like others, but where it ends is not known.
  void take_unfinished(u64 event) { unfinished_ = event; }
  /// It is the current one.
  bool in_unfinished() const { return end_ == unknown; }

  struct Item {
    ItemKind kind;
    GuestAddr at;
    std::span<const u8> bytes;
  };
  /// The next item of the current event; false behind the last one. Valid until the next call of peek/next.
  bool item(Item& out);

  /// Copies the first value item of the next event; false if it has none of that size.
  bool peek_value(void* to, u64 size);

  /// The number of the next event.
  // The short way: the next record, if its bytes lie in the window; and taking it as a whole.
  const u8* try_view(u64 size) const {
    const bool inside =
        window_ != nullptr && next_ >= base_ && next_ + size <= base_ + window_size_ && next_ + size <= file_size_;
    return inside ? window_ + (next_ - base_) : nullptr;
  }
  void skip(u64 size) {
    next_ += size;
    item_ = end_ = next_;
    ++events_;
  }
  /// Is the next event one that guest code runs into by itself? If not (a signal, the end of the log, the event
  /// given to pause_at), the dispatcher must see it coming.
  bool comes_by_itself() const {
    const auto* next = reinterpret_cast<const EventHeader*>(try_view(sizeof(EventHeader)));
    if (next == nullptr || next->size == 0 || events_ >= pause_at_) return false;
    return next->kind == EventKind::syscall || next->kind == EventKind::instruction;
  }
  void pause_at(u64 event) { pause_at_ = event; }

  u64 events() const { return events_; }
  /// Where the next event is.
  u64 offset() const { return next_; }
  u64 size() const { return file_size_; }

 private:
  static constexpr u64 unknown = ~u64{0};
  const u8* view(u64 offset, u64 size);

  int fd_ = -1;
  const u8* window_ = nullptr;
  u64 window_size_ = 0;
  u64 base_ = 0;
  u64 file_size_ = 0;
  u64 next_ = 0;            // offset of the next record
  u64 item_ = 0, end_ = 0;  // within the current record
  u64 events_ = 0;
  u64 pause_at_ = ~u64{0};
  u64 unfinished_ = ~u64{0};  // that event is taken although its record has no size
};

}  // namespace fred
