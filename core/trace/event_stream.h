// What happens to events in each mode: run ignores them, record writes them, replay reads and compares.
// Code that produces events is the same in all modes, which is what keeps a worker on the recorded path.
#pragma once
#include <atomic>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/syscalls/syscall.h"
#include "core/trace/log_file.h"

namespace fred {

/// The recorded and the re-executed side of the first difference.
struct Divergence {
  u64 event = 0;
  Time time;
  std::string what;
};

class EventStream {
 public:
  /// Called once, at the first difference, and must not return.
  using OnDivergence = std::function<void(const Divergence&)>;

  Mode mode() const { return mode_; }
  void start_running() { mode_ = Mode::run; }
  Result<> start_recording(const std::string& log);
  /// `from`, `events_before`: where in the log the worker's snapshot was taken (log_bytes(), events() then).
  Result<> start_replaying(const std::string& log, u64 from, u64 events_before);
  void on_divergence(OnDivergence handler) { on_divergence_ = std::move(handler); }
  /// Recording: every event holds all registers, not only their hash, so that a divergence shows both sides.
  void log_full_registers() { full_registers_ = true; }
  bool full_registers() const { return full_registers_; }
  /// Recording: the end of each event is numbered by this counter, which several processes share; null: it is not.
  void order_by(std::atomic<u64>* counter) { order_ = counter; }
  /// Recording ends with the guest.
  void finish() { writer_.finish(); }
  /// A forked child leaves its parent's log, whatever event of it is open; a process goes on without being recorded.
  void leave_log();

  /// Opens an event. The registers are compared when replaying and logged when recording.
  void begin(EventKind kind, u32 detail, const Time& time, const Registers& registers);
  void end();
  bool in_event() const { return mode_ == Mode::record && writer_.in_event(); }
  /// Recording: the open event, if there is one, has never been.
  void drop() { writer_.drop(); }

  /// A number decided by the outside world (`ask` runs only in live).
  template <class Ask>
  i64 result(Ask&& ask) {
    if (mode_ == Mode::replay) return recorded_result();
    const i64 r = ask();
    if (mode_ == Mode::replay) return recorded_result();  // this is a worker, of a snapshot taken while it waited
    if (mode_ == Mode::record) writer_.item(ItemKind::result, &r, sizeof r);
    return r;
  }
  /// The open event ends here: its system call waits without the turn.
  void close_waiting();
  /// A worker: called where the recorded call did that; comes back when it goes on.
  void on_waiting(std::function<void()> handler) { on_waiting_ = std::move(handler); }
  /// Bytes decided by the outside world; replaced by the recorded ones when replaying.
  void value(void* data, u64 size);
  /// Bytes of variable length decided by the outside world.
  void blob(std::string& data);
  /// The same for values without pointers.
  template <class T>
  void blob(std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    blob(bytes);
    values.resize(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  }
  /// Memory that the outside world wrote.
  void output(GuestAddr at, u64 size);

  /// Replaying: the event to come; nullptr at the end of the log.
  const EventHeader* peek() { return reader_.peek(); }
  bool has_second() { return reader_.has_second(); }
  /// Replaying: if the log breaks off within this event, it is one to come nevertheless: its begin, and those of its
  /// items that are known to be there.
  void take_unfinished(u64 event) { reader_.take_unfinished(event); }
  /// Replaying: the open event is that one.
  bool in_unfinished() const { return reader_.in_unfinished(); }
  /// Of that event, without taking it: its first value, if it has one of this size.
  bool peek_value(void* to, u64 size) { return reader_.peek_value(to, size); }
  /// Reports a difference and does not return.
  [[noreturn]] void diverged(const std::string& what, const Time& time);

  // For the short way (core/dispatch/light.h).
  LogWriter& light_writer() { return writer_; }
  LogReader& light_reader() { return reader_; }
  void count_light(EventKind kind) { ++counts_[static_cast<int>(kind)]; }

  u64 events() const { return mode_ == Mode::replay ? reader_.events() : writer_.events(); }
  /// Where in the log the next event is, or will be.
  u64 next_offset() const { return mode_ == Mode::replay ? reader_.offset() : writer_.bytes(); }
  u64 log_bytes() const { return mode_ == Mode::replay ? reader_.size() : writer_.bytes(); }
  u64 count_of(EventKind kind) const { return counts_[static_cast<int>(kind)]; }

 private:
  i64 recorded_result();
  LogReader::Item expect(ItemKind kind);

  void compare_registers(EventKind kind, u32 detail, const Registers& registers, std::optional<u32> hash);

  Mode mode_ = Mode::run;
  bool full_registers_ = false;
  std::atomic<u64>* order_ = nullptr;
  LogWriter writer_;
  LogReader reader_;
  OnDivergence on_divergence_;
  std::function<void()> on_waiting_;
  Time time_;                             // of the open event
  std::optional<LogReader::Item> clock_;  // of the open event: taken as its result, not yet as its output
  u64 counts_[16] = {};
};

}  // namespace fred
