#include "core/tree/open_notices.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/descriptor.h"
#include "core/base/raw_syscall.h"
#include "core/signals/kernel_signals.h"

namespace fred {

bool OpenNotices::begin() {
  if (owner_ == getpid()) return descriptor_ >= 0;
  owner_ = getpid();
  stop();  // it was the parent's
  watched_.clear();
  descriptor_ = static_cast<int>(raise_descriptor(raw_syscall(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC)));
  if (descriptor_ < 0) return false;
  notice_files_by(descriptor_);
  const auto control = [&](u64 command, u64 argument) {
    return raw_syscall(SYS_fcntl, static_cast<u64>(descriptor_), command, argument) == 0;
  };
  if (control(F_SETSIG, control_signal) && control(F_SETOWN, static_cast<u64>(owner_)) &&
      control(F_SETFL, O_NONBLOCK | O_ASYNC)) {
    return true;
  }
  stop();
  return false;
}

void OpenNotices::watch(const MappedObject& object, const std::string& path, GuestRange range) {
  if (!begin() || std::ranges::find(watched_, object) != watched_.end()) return;
  watched_.push_back(object);
  const auto mapped = fmt::format("/proc/self/map_files/{:x}-{:x}", range.begin.value, range.end.value);
  for (const auto& name : {path, mapped}) {
    struct stat st {};
    if (stat(name.c_str(), &st) != 0 || MappedObject{.dev = st.st_dev, .ino = st.st_ino} != object) continue;
    if (inotify_add_watch(descriptor_, name.c_str(), IN_OPEN) >= 0) return;
  }
}

void OpenNotices::stop() {
  close_engine_descriptor(descriptor_);
  descriptor_ = -1;
}

void OpenNotices::take() {
  char events[4096];
  while (descriptor_ >= 0 && owner_ == getpid() && read(descriptor_, events, sizeof events) > 0) {
  }
}

}  // namespace fred
