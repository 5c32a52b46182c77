#include "core/threads/scheduler.h"

#include "core/threads/guest_thread.h"

namespace fred {

namespace {
/// Some 2 ms of an interpreter, 1 ms of a tight loop.
constexpr u64 fair_slice_bits = 21;
constexpr u64 longest_chaos_bits = 18;

u64 mixed(u64 v) {  // the finaliser of SplitMix64
  v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
  v = (v ^ v >> 27) * 0x94d049bb133111eb;
  return v ^ v >> 31;
}
}  // namespace

Scheduler::Scheduler(std::optional<u64> chaos_seed) {
  if (chaos_seed) chaos_.emplace(*chaos_seed);
}

std::size_t Scheduler::choose() {
  if (!chaos_ || ready_.size() == 1) return 0;
  if (random(32) == 0) generation_ = (*chaos_)();
  if (random(2) == 0) return random(ready_.size());
  std::size_t best = 0;
  const auto priority = [&](std::size_t i) { return mixed(generation_ + ready_[i]->number); };
  for (std::size_t i = 1; i < ready_.size(); ++i) {
    if (priority(i) > priority(best)) best = i;
  }
  return best;
}

GuestThread& Scheduler::front() {
  if (!chosen_ || *chosen_ >= ready_.size()) chosen_ = choose();
  return *ready_[*chosen_];
}

GuestThread& Scheduler::take() {
  auto& thread = front();
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(*chosen_));
  chosen_.reset();
  return thread;
}

u64 Scheduler::slice() {
  return chaos_ ? 1 + random(u64{1} << (1 + random(longest_chaos_bits))) : u64{1} << fair_slice_bits;
}

bool Scheduler::preempts_behind_call() { return chaos_ && random(4) == 0; }

}  // namespace fred
