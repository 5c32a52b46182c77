#include "core/tree/recorded_tree.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "core/base/descriptor.h"
#include "core/base/raw_syscall.h"
#include "core/control/message.h"

namespace fred {

std::string log_path(const std::string& recording_dir, u32 process) {
  return process <= 1 ? recording_dir + "/events" : fmt::format("{}/events.{}", recording_dir, process);
}

Result<> RecordedTree::map(int descriptor) {
  page_descriptor_ = descriptor;
  void* at = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map the page of the recorded processes");
  page_ = static_cast<Page*>(at);
  return {};
}

Result<> RecordedTree::found(int control) {
  control_ = control;
  place_ = {.number = 1, .pid = static_cast<i32>(getpid())};
  const i64 made = raw_syscall(SYS_memfd_create, reinterpret_cast<u64>("fred-processes"), MFD_CLOEXEC);
  if (is_error(made)) return fail_errno(static_cast<int>(-made), "no memory for the page of the recorded processes");
  const i64 high = raise_descriptor(made);
  if (is_error(high)) return fail_errno(static_cast<int>(-high), "cannot keep the page of the recorded processes");
  raw_syscall(SYS_ftruncate, static_cast<u64>(high), sizeof(Page));
  if (auto mapped = map(static_cast<int>(high)); !mapped) return mapped;
  page_->last_number = 1;
  return {};
}

Result<> RecordedTree::join(int page, const ProcessPlace& place, int control) {
  control_ = control;
  place_ = place;
  place_.pid = static_cast<i32>(getpid());
  return map(page);
}

bool RecordedTree::is_foreign(const MappedObject& object) const {
  const u64 count = foreign_objects();
  return count != 0 && std::find(page_->foreign, page_->foreign + count, object) != page_->foreign + count;
}

void RecordedTree::tell_foreign(const MappedObject& object) {
  if (page_ == nullptr || is_foreign(object)) return;
  // Who looks meanwhile may see a place that is not filled in yet, and looks again at its next time.
  if (const u64 at = page_->foreign_count.fetch_add(1); at < most_foreign) page_->foreign[at] = object;
}

std::optional<MappedObject> RecordedTree::mark() const {
  struct stat st {};
  if (page_descriptor_ < 0 || fstat(page_descriptor_, &st) != 0) return std::nullopt;
  return MappedObject{.dev = st.st_dev, .ino = st.st_ino};
}

std::optional<ProcessPlace> RecordedTree::next_place(u64 event, ProcessOrigin origin) {
  if (page_ == nullptr) return std::nullopt;
  return ProcessPlace{
      .number = page_->last_number.fetch_add(1) + 1, .parent = place_.number, .parent_event = event, .origin = origin};
}

std::optional<RecordedTree::NewProcess> RecordedTree::prepare(u64 event) {
  if (page_ == nullptr) return std::nullopt;
  NewProcess child;
  if (control_ >= 0) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
    child.control = static_cast<int>(raise_descriptor(ends[0]));
    child.session_end = static_cast<int>(raise_descriptor(ends[1]));
    if (child.control < 0 || child.session_end < 0) {
      release(child);
      return std::nullopt;
    }
  }
  if (child.session_end >= 0) name_senders(child.session_end);
  child.place = *next_place(event, ProcessOrigin::forked);
  return child;
}

void RecordedTree::announce(const NewProcess& child, i64 pid) const {
  if (control_ < 0) return;
  const auto& p = child.place;
  const Message m{.kind = MessageKind::process_began,
                  .pid = static_cast<u32>(getpid()),
                  .number = {p.number, p.parent, p.parent_event, static_cast<u64>(p.origin), static_cast<u64>(pid)}};
  const bool again = p.origin == ProcessOrigin::forked && pid != 0;
  (void)send_message(control_, m, again ? -1 : child.session_end);  // without a session there is nobody to tell
}

void RecordedTree::release(const NewProcess& child) {
  close_engine_descriptor(child.control);
  close_engine_descriptor(child.session_end);
}

void RecordedTree::become(const NewProcess& child) {
  close_engine_descriptor(child.session_end);
  close_engine_descriptor(control_);
  control_ = child.control;
  turn_.forget();
  place_ = child.place;
  place_.pid = static_cast<i32>(getpid());
}

void RecordedTree::tell_begun() const {
  if (control_ >= 0) (void)send_message(control_, {.kind = MessageKind::started, .pid = static_cast<u32>(getpid())});
}

void RecordedTree::will_adopt() {
  if (page_ == nullptr) return;
  page_->adopts = true;
  // One that was killed meanwhile counts on.
  constexpr int looks = 1000;
  constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int i = 0; i < looks && page_->orphan_makers != 0; ++i) {
    raw_syscall(SYS_nanosleep, reinterpret_cast<u64>(&between_looks), 0);
  }
}

bool RecordedTree::begin_orphan() {
  if (page_ == nullptr) return true;
  ++page_->orphan_makers;
  if (!page_->adopts) return true;
  end_orphan();
  return false;
}

void RecordedTree::end_orphan() {
  if (page_ != nullptr) --page_->orphan_makers;
}

void RecordedTree::tell_left() const {
  if (control_ >= 0) (void)send_message(control_, {.kind = MessageKind::left, .pid = static_cast<u32>(getpid())});
}

void RecordedTree::leave() {
  turn_.leave();
  close_engine_descriptor(std::exchange(control_, -1));
  close_engine_descriptor(std::exchange(page_descriptor_, -1));
  if (page_ != nullptr) munmap(std::exchange(page_, nullptr), sizeof(Page));
  place_ = {};
}

}  // namespace fred
