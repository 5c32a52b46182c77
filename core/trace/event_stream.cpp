#include "core/trace/event_stream.h"

#include <cstring>

#include "core/base/check.h"
#include "core/memory/guest_access.h"
#include "core/trace/register_hash.h"

namespace fred {

namespace {

constexpr const char* register_names[] = {"rax", "rcx", "rdx", "rbx",    "rsp",     "rbp",    "rsi",
                                          "rdi", "r8",  "r9",  "r10",    "r11",     "r12",    "r13",
                                          "r14", "r15", "rip", "rflags", "fs_base", "gs_base"};

std::string differences(const Registers& recorded, const Registers& now) {
  const auto* a = reinterpret_cast<const u64*>(&recorded);
  const auto* b = reinterpret_cast<const u64*>(&now);
  std::string text;
  for (std::size_t i = 0; i < std::size(register_names); ++i) {
    if (a[i] != b[i]) text += fmt::format(" {} recorded {:#x} now {:#x};", register_names[i], a[i], b[i]);
  }
  return text;
}

bool guest_equal(GuestAddr at, std::span<const u8> bytes) {
  return guest_readable(at, bytes.size()) == bytes.size() && std::memcmp(at.ptr(), bytes.data(), bytes.size()) == 0;
}

}  // namespace

Result<> EventStream::start_recording(const std::string& log) {
  if (auto r = writer_.open(log); !r) return r;
  mode_ = Mode::record;
  return {};
}

Result<> EventStream::start_replaying(const std::string& log, u64 from, u64 events_before) {
  writer_.abandon();
  if (auto r = reader_.open(log, from, events_before); !r) return r;
  mode_ = Mode::replay;
  for (auto& c : counts_) c = 0;
  return {};
}

void EventStream::leave_log() {
  order_ = nullptr;
  writer_.abandon();
  mode_ = Mode::run;
}

void EventStream::diverged(const std::string& what, const Time& time) {
  on_divergence_({.event = reader_.events(), .time = time, .what = what});
  FRED_DIE("the divergence handler came back");
}

void EventStream::begin(EventKind kind, u32 detail, const Time& time, const Registers& registers) {
  if (mode_ == Mode::run) return;
  ++counts_[static_cast<int>(kind)];
  if (mode_ == Mode::record) {
    writer_.begin(kind, detail, time, full_registers_ ? std::nullopt : std::optional(register_hash(registers)));
    if (full_registers_) writer_.item(ItemKind::registers, &registers, sizeof registers);
    return;
  }
  time_ = time;
  const auto* event = reader_.next();
  if (event == nullptr) {
    diverged(fmt::format("recorded: the end of the log; now: {} {}", to_string(kind), detail), time);
  }
  if (event->kind != kind || event->detail != detail || event->time() != time) {
    const Time was = event->time();
    diverged(fmt::format("recorded: {} {} at {}:{:#x}+{}/{}; now: {} {} at {}:{:#x}+{}/{}", to_string(event->kind),
                         event->detail, was.ticks, was.pc.value, was.rest, was.phase, to_string(kind), detail,
                         time.ticks, time.pc.value, time.rest, time.phase),
             time);
  }
  const bool hashed = (event->flags & EventHeader::hashed) != 0;
  compare_registers(kind, detail, registers, hashed ? std::optional(event->hash) : std::nullopt);
}

void EventStream::compare_registers(EventKind kind, u32 detail, const Registers& registers, std::optional<u32> hash) {
  if (hash) {
    if (*hash == register_hash(registers)) return;
    std::string now;
    const auto* values = reinterpret_cast<const u64*>(&registers);
    for (std::size_t i = 0; i < std::size(register_names); ++i)
      now += fmt::format(" {} {:#x}", register_names[i], values[i]);
    diverged(fmt::format("{} {}: recorded: other registers (record with --log-registers to see which); now:{}",
                         to_string(kind), detail, now),
             time_);
  }
  LogReader::Item item;
  Registers recorded;
  if (!reader_.item(item) || item.kind != ItemKind::registers || item.bytes.size() != sizeof recorded) {
    diverged("recorded: an event without registers", time_);
  }
  std::memcpy(&recorded, item.bytes.data(), sizeof recorded);
  if (recorded != registers)
    diverged(fmt::format("{} {}:{}", to_string(kind), detail, differences(recorded, registers)), time_);
}

void EventStream::end() {
  if (mode_ == Mode::record) {
    if (order_ != nullptr) {
      const u64 number = order_->fetch_add(1) + 1;
      writer_.item(ItemKind::order, &number, sizeof number);
    }
    writer_.end();
  }
  if (mode_ == Mode::replay) {
    LogReader::Item extra;
    if (clock_) diverged("recorded: a clock; now: nothing that it was written to", time_);
    if (reader_.item(extra) && extra.kind != ItemKind::order)
      diverged(fmt::format("recorded: one more {}; now: none", to_string(extra.kind)), time_);
  }
}

LogReader::Item EventStream::expect(ItemKind kind) {
  if (kind == ItemKind::output && clock_) return *std::exchange(clock_, std::nullopt);
  LogReader::Item item;
  if (!reader_.item(item)) diverged(fmt::format("recorded: no more items; now: {}", to_string(kind)), time_);
  if (kind == ItemKind::result && item.kind == ItemKind::clock) {
    clock_ = item;  // what it says of memory is the next output
    return item;
  }
  if (kind == ItemKind::result && item.kind == ItemKind::waits) return item;
  if (item.kind != kind) {
    diverged(fmt::format("recorded: {}; now: {}", to_string(item.kind), to_string(kind)), time_);
  }
  return item;
}

void EventStream::close_waiting() {
  if (mode_ == Mode::record) {
    writer_.item(ItemKind::waits, nullptr, 0);
    writer_.end();
  }
}

i64 EventStream::recorded_result() {
  auto item = expect(ItemKind::result);
  while (item.kind == ItemKind::waits) {
    end();
    on_waiting_();
    item = expect(ItemKind::result);
  }
  if (item.kind == ItemKind::clock) return 0;
  i64 r;
  std::memcpy(&r, item.bytes.data(), sizeof r);
  return r;
}

void EventStream::value(void* data, u64 size) {
  if (mode_ == Mode::record) writer_.item(ItemKind::value, data, size);
  if (mode_ != Mode::replay) return;
  const auto item = expect(ItemKind::value);
  if (item.bytes.size() != size) {
    diverged(fmt::format("recorded: a value of {} bytes; now: of {}", item.bytes.size(), size), time_);
  }
  std::memcpy(data, item.bytes.data(), size);
}

void EventStream::blob(std::string& data) {
  if (mode_ == Mode::record) writer_.item(ItemKind::value, data.data(), data.size());
  if (mode_ != Mode::replay) return;
  const auto item = expect(ItemKind::value);
  data.assign(reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size());
}

void EventStream::output(GuestAddr at, u64 size) {
  if (mode_ == Mode::run || size == 0) return;
  if (mode_ == Mode::record) {
    const u64 readable = guest_readable(at, size);
    auto* to = writer_.item_space(ItemKind::output, readable, at);
    FRED_CHECK(guest_read(to, at, readable), "output at {:#x}", at.value);
    return;
  }
  const auto item = expect(ItemKind::output);
  if ((item.kind == ItemKind::output && item.at != at) || item.bytes.size() > size) {
    diverged(fmt::format("recorded: {} bytes written at {:#x}; now: {} at {:#x}", item.bytes.size(), item.at.value,
                         size, at.value),
             time_);
  }
  // The kernel may have answered for memory that it could not write, or left it as it was (a time that
  // lies in read-only data): the same bytes are no difference.
  if (guest_store(at, item.bytes.data(), item.bytes.size()) || guest_equal(at, item.bytes)) return;
  diverged(fmt::format("recorded: {} bytes written at {:#x}; now it is not writable", item.bytes.size(), at.value),
           time_);
}

}  // namespace fred
