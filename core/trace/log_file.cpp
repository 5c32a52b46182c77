#include "core/trace/log_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/base/descriptor.h"
#include "core/base/outside.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {
constexpr u64 window_step = u64{4} << 20;
/// Most processes are short.
constexpr u64 first_window = u64{256} << 10;
/// A long log is made in large steps: the file system then hands out whole runs of pages (ext4: 1.4 µs a page, against
/// 3.5 µs in steps of 4 MiB).
constexpr u64 largest_window_step = u64{32} << 20;
}  // namespace

LogWriter::~LogWriter() {
  if (window_ != nullptr) munmap(window_, window_size_);
  abandon();
}

Result<> LogWriter::open(const std::string& path) {
  events_ = 0;
  const i64 fd = open_outside(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (is_error(fd)) return fail_errno(static_cast<int>(-fd), "cannot create the event log " + path);
  const i64 high = raise_descriptor(fd);
  if (is_error(high)) return fail_errno(static_cast<int>(-high), "cannot keep the event log open");
  fd_ = static_cast<int>(high);
  return {};
}

void LogWriter::abandon() {
  window_ = nullptr;  // nothing to unmap: see make_room. Something else may lie there by now
  if (fd_ >= 0) close_engine_descriptor(fd_);
  fd_ = -1;
  window_size_ = base_ = used_ = 0;
  event_ = no_event;
}

void LogWriter::finish() {
  if (fd_ < 0) return;
  raw_syscall(SYS_ftruncate, static_cast<u64>(fd_), page_ceil(bytes() + sizeof(EventHeader)));
  abandon();
}

void LogWriter::make_room(u64 size) {
  if (used_ + size <= window_size_) return;
  // The window moves to the page of the open record, so that its header can still be written.
  const u64 position = base_ + used_;
  const u64 keep_from = page_floor(in_event() ? event_ : position);
  const u64 wanted = position - keep_from + size;
  const u64 step = std::clamp(window_size_ * 2, first_window, largest_window_step);
  const u64 new_size = std::max(step, page_ceil(wanted + step / 4));
  if (window_ != nullptr) munmap(window_, window_size_);
  const int no_space = posix_fallocate(fd_, static_cast<off_t>(keep_from), static_cast<off_t>(new_size));
  if (no_space != 0) {
    quit(125, fmt::format("cannot write the event log: {}; the recording ends here", strerror(no_space)));
  }
  void* at = mmap(nullptr, new_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(keep_from));
  if (at == MAP_FAILED) quit(125, fmt::format("cannot map the event log: {}", strerror(errno)));
  // Behind the first window the log is known to be long: its pages are made in one go, not a fault each.
  if (keep_from != 0) madvise(at, new_size, MADV_POPULATE_WRITE);
  madvise(at, new_size, MADV_DONTFORK);  // a snapshot or child never writes our log
  window_ = static_cast<u8*>(at);
  window_size_ = new_size;
  base_ = keep_from;
  used_ = position - keep_from;
}

u8* LogWriter::take(u64 size) {
  make_room(size);
  u8* at = window_ + used_;
  used_ += size;
  return at;
}

void LogWriter::begin(EventKind kind, u32 detail, const Time& time, std::optional<u32> hash) {
  FRED_CHECK(!in_event(), "event {} within another", to_string(kind));
  const u64 size = sizeof(EventHeader) + (time.rest != 0 ? sizeof time.rest : 0);
  auto* at = take(size);
  event_ = base_ + used_ - size;
  // The size stays 0 until the record is whole: a reader of a broken-off log ends there.
  const EventHeader header{
      .size = 0,
      .kind = kind,
      .phase = time.phase,
      .flags = static_cast<u16>((time.rest != 0 ? EventHeader::has_rest : 0) | (hash ? EventHeader::hashed : 0)),
      .detail = detail,
      .hash = hash.value_or(0),
      .ticks = time.ticks,
      .pc = time.pc.value};
  std::memcpy(at, &header, sizeof header);
  if (time.rest != 0) std::memcpy(at + sizeof header, &time.rest, sizeof time.rest);
}

u8* LogWriter::item_space(ItemKind kind, u64 size, GuestAddr at) {
  FRED_CHECK(in_event() && size <= 0xffffffff, "item of {} bytes", size);
  auto* to = take(bytes_at(kind) + padded(size));
  const ItemHeader header{.kind = kind, .reserved = {}, .size = static_cast<u32>(size)};
  std::memcpy(to, &header, sizeof header);
  if (kind == ItemKind::output) std::memcpy(to + sizeof header, &at, sizeof at);
  return to + bytes_at(kind);
}

void LogWriter::item(ItemKind kind, const void* data, u64 size, GuestAddr at) {
  auto* to = item_space(kind, size, at);
  if (size != 0) std::memcpy(to, data, size);
}

void LogWriter::end() {
  const u64 size = base_ + used_ - event_;
  FRED_CHECK(size <= 0xffffffff, "event of {} bytes", size);
  const u32 size32 = static_cast<u32>(size);
  std::memcpy(window_ + (event_ - base_), &size32, sizeof size32);
  event_ = no_event;
  ++events_;
}

void LogWriter::drop() {
  if (!in_event()) return;
  used_ = event_ - base_;
  event_ = no_event;
}

LogReader::~LogReader() { close(); }

void LogReader::close() {
  if (window_ != nullptr) munmap(const_cast<u8*>(window_), window_size_);
  window_ = nullptr;
  window_size_ = base_ = 0;
  if (fd_ >= 0) close_engine_descriptor(fd_);
  fd_ = -1;
}

Result<> LogReader::open(const std::string& path, u64 from, u64 events_before) {
  close();
  next_ = item_ = end_ = from;
  events_ = events_before;
  pause_at_ = unfinished_ = ~u64{0};
  const i64 fd = open_outside(path, O_RDONLY | O_CLOEXEC);
  if (is_error(fd)) return fail_errno(static_cast<int>(-fd), "cannot open the event log " + path);
  fd_ = static_cast<int>(raise_descriptor(fd));
  struct stat st {};
  fstat(fd_, &st);
  file_size_ = static_cast<u64>(st.st_size);
  return {};
}

const u8* LogReader::view(u64 offset, u64 size) {
  if (offset + size > file_size_) {  // live may have written more
    struct stat st {};
    fstat(fd_, &st);
    file_size_ = static_cast<u64>(st.st_size);
    if (offset + size > file_size_) return nullptr;
  }
  if (window_ == nullptr || offset < base_ || offset + size > base_ + window_size_) {
    if (window_ != nullptr) munmap(const_cast<u8*>(window_), window_size_);
    base_ = page_floor(offset);
    window_size_ = std::min(std::max(window_step, page_ceil(offset - base_ + size)), page_ceil(file_size_) - base_);
    void* at = mmap(nullptr, window_size_, PROT_READ, MAP_SHARED, fd_, static_cast<off_t>(base_));
    FRED_CHECK(at != MAP_FAILED, "cannot map the event log: {}", strerror(errno));
    window_ = static_cast<const u8*>(at);
  }
  return window_ + (offset - base_);
}

const EventHeader* LogReader::peek() {
  const auto* header = reinterpret_cast<const EventHeader*>(view(next_, sizeof(EventHeader)));
  if (header == nullptr || (header->size == 0 && events_ != unfinished_)) return nullptr;
  return reinterpret_cast<const EventHeader*>(view(next_, std::max<u64>(header->size, sizeof(EventHeader))));
}

bool LogReader::has_second() {
  const auto* first = peek();
  if (first == nullptr) return false;
  const auto* second = reinterpret_cast<const EventHeader*>(view(next_ + first->size, sizeof(EventHeader)));
  return second != nullptr && second->size != 0;
}

const EventHeader* LogReader::next() {
  const auto* header = peek();
  if (header == nullptr) return nullptr;
  item_ = next_ + header->items_at();
  end_ = header->size != 0 ? next_ + header->size : unknown;
  next_ += header->size;
  ++events_;
  return header;
}

bool LogReader::peek_value(void* to, u64 size) {
  const auto* header = peek();
  if (header == nullptr) return false;
  const auto* record = reinterpret_cast<const u8*>(header);
  for (u64 at = header->items_at(); at < header->size;) {
    const auto* item = reinterpret_cast<const ItemHeader*>(record + at);
    at += bytes_at(item->kind);
    if (item->kind == ItemKind::value && item->size == size) {
      std::memcpy(to, record + at, size);
      return true;
    }
    at += padded(item->size);
  }
  return false;
}

bool LogReader::item(Item& out) {
  if (item_ >= end_) return false;
  const auto* header = reinterpret_cast<const ItemHeader*>(view(item_, sizeof(ItemHeader)));
  FRED_CHECK(header != nullptr, "the event log is cut off");
  const u32 size = header->size;
  const auto kind = header->kind;
  const auto* whole = view(item_, bytes_at(kind) + size);
  FRED_CHECK(whole != nullptr, "the event log is cut off");
  out = {.kind = kind, .at = {}, .bytes = {whole + bytes_at(kind), size}};
  if (kind == ItemKind::output) std::memcpy(&out.at, whole + sizeof(ItemHeader), sizeof out.at);
  item_ += bytes_at(kind) + padded(size);
  return true;
}

}  // namespace fred
