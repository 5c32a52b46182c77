#include "core/tree/shared_turn.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "core/base/raw_syscall.h"

namespace fred {

namespace {

constexpr timespec look_again{.tv_sec = 0, .tv_nsec = 50'000'000};

/// A zombie counts as dead: it executes nothing any more. (Threads without the turn of their process come here: no
/// allocation.)
bool is_dead(i32 pid) {
  if (raw_syscall(SYS_kill, static_cast<u64>(pid), 0) == -ESRCH) return true;
  char path[32];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/stat", pid).out = '\0';
  const i64 fd = raw_syscall(SYS_open, reinterpret_cast<u64>(path), O_RDONLY | O_CLOEXEC);
  if (is_error(fd)) return false;
  char text[512];
  const i64 n = raw_syscall(SYS_read, static_cast<u64>(fd), reinterpret_cast<u64>(text), sizeof text - 1);
  raw_syscall(SYS_close, static_cast<u64>(fd));
  text[n > 0 ? n : 0] = '\0';
  const char* state = std::strrchr(text, ')');  // "PID (NAME) STATE": the name may hold anything
  return state != nullptr && (std::strncmp(state, ") Z", 3) == 0 || std::strncmp(state, ") X", 3) == 0);
}

}  // namespace

bool SharedTurn::take() {
  if (held_) return true;
  i32 holder = 0;
  if (!word_->holder.compare_exchange_strong(holder, pid_)) {
    ++word_->waiting;
    bool interrupted = false;
    do {
      const i64 r = raw_syscall(SYS_futex, reinterpret_cast<u64>(&word_->holder), FUTEX_WAIT, static_cast<u64>(holder),
                                reinterpret_cast<u64>(&look_again));
      interrupted = r == -EINTR;
      if (r == -ETIMEDOUT && is_dead(holder)) word_->holder.compare_exchange_strong(holder, 0);
      holder = 0;
    } while (!word_->holder.compare_exchange_strong(holder, pid_) && !interrupted);
    --word_->waiting;
    if (holder != 0) return false;
  }
  held_ = true;
  changes_due_ |= word_->last.exchange(pid_) != pid_;
  return true;
}

bool SharedTurn::pass() {
  const u32 others = word_->waiting.load();
  release();
  // Whoever was woken has to get there before this process does.
  const timespec longest{.tv_sec = 0, .tv_nsec = 1'000'000};
  if (others != 0 && word_->holder.load() == 0) {
    raw_syscall(SYS_futex, reinterpret_cast<u64>(&word_->holder), FUTEX_WAIT, 0, reinterpret_cast<u64>(&longest));
  }
  return take();
}

void SharedTurn::release() {
  if (!held_) return;
  if (on_release_) on_release_();
  held_ = false;
  word_->holder = 0;
  raw_syscall(SYS_futex, reinterpret_cast<u64>(&word_->holder), FUTEX_WAKE, 1);
}

}  // namespace fred
