#include "core/tree/shared_turn.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <cerrno>
#include <ctime>

#include "core/base/process_state.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {

constexpr timespec look_again{.tv_sec = 0, .tv_nsec = 50'000'000};

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
      if (r == -ETIMEDOUT && is_dead(holder)) {
        ++word_->deaths;  // twice for one does no harm, and behind the next line would be too late
        word_->holder.compare_exchange_strong(holder, 0);
      }
      holder = 0;
    } while (!word_->holder.compare_exchange_strong(holder, pid_) && !interrupted);
    --word_->waiting;
    if (holder != 0) return false;
  }
  held_ = true;
  changes_due_ |= word_->last.exchange(pid_) != pid_;
  if (on_take_) on_take_();
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
