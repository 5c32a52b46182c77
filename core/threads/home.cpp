#include "core/threads/home.h"

#include <sys/syscall.h>

#include <algorithm>
#include <bit>

#include "core/base/raw_syscall.h"
#include "core/threads/guest_thread.h"

namespace fred {

namespace {
constexpr u64 longest = 30'000'000;  // of the time stamp counter: some 10 ms

bool set_processors(i32 id, u64 size, const u64* mask) {
  return !is_error(raw_syscall(SYS_sched_setaffinity, static_cast<u64>(id), size, reinterpret_cast<u64>(mask)));
}
}  // namespace

void Home::begin(bool wanted) {
  const i64 size = raw_syscall(SYS_sched_getaffinity, 0, sizeof all_, reinterpret_cast<u64>(all_));
  if (is_error(size)) return;
  mask_size_ = static_cast<u64>(size);
  i32 count = 0;
  for (const u64 word : all_) count += std::popcount(word);
  several_ = count > 1;
  used_ = wanted && several_;
}

bool Home::same_processors(i32 id) const {
  u64 mask[most_processors / bits] = {};
  const i64 size = raw_syscall(SYS_sched_getaffinity, static_cast<u64>(id), sizeof mask, reinterpret_cast<u64>(mask));
  return !is_error(size) && std::ranges::equal(mask, all_);
}

bool Home::is_old() const { return __builtin_ia32_rdtsc() - since_ > longest; }

void Home::keep(GuestThread& next) {
  if (!used_) return;
  if (processor_ == none && left_to_kernel_) {
    u32 here = none;
    raw_syscall(SYS_getcpu, reinterpret_cast<u64>(&here), 0, 0);
    if (here < mask_size_ * 8) processor_ = here;
    since_ = __builtin_ia32_rdtsc();
  }
  left_to_kernel_ = processor_ == none || is_old();
  if (left_to_kernel_) {
    processor_ = none;
    free(next, next.tid);
    return;
  }
  if (next.bound_to == processor_ + 1) return;
  u64& word = one_[processor_ / bits];
  word = u64{1} << processor_ % bits;
  if (set_processors(next.tid, mask_size_, one_)) next.bound_to = processor_ + 1;
  word = 0;
}

void Home::free(GuestThread& thread, i32 id) {
  if (thread.bound_to != 0 && set_processors(id, mask_size_, all_)) thread.bound_to = 0;
}

}  // namespace fred
