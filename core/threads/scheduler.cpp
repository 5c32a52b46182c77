#include "core/threads/scheduler.h"

#include <algorithm>

#include "core/threads/guest_thread.h"

namespace fred {

namespace {
/// Some 2 ms of an interpreter, 1 ms of a tight loop.
constexpr u64 fair_slice_bits = 21;
constexpr u64 longest_chaos_bits = 18;
constexpr u64 short_chaos_bits = 5;  // of every other phase
constexpr u64 longest_hold_bits = 10;
constexpr u64 longest_phase = 128;  // slices
constexpr u64 longest_further = 8;  // mostly there is a tick before that

u64 mixed(u64 v) {  // the finaliser of SplitMix64
  v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
  v = (v ^ v >> 27) * 0x94d049bb133111eb;
  return v ^ v >> 31;
}
}  // namespace

Scheduler::Scheduler(std::optional<u64> chaos_seed) {
  if (!chaos_seed) return;
  chaos_.emplace(*chaos_seed);
  begin_phase();
}

void Scheduler::make_ready(GuestThread& thread, Why why) {
  u64 held_until = 0;
  if (chaos_) {
    if (why == Why::preempted) held_until = slices_ + 1;  // somebody else is next
    const u64 of_eight = why == Why::created ? 6 : phase_holds_;
    if (random(8) < of_eight) held_until = slices_ + (u64{2} << random(longest_hold_bits));
  }
  ready_.push_back({&thread, held_until});
}

std::optional<std::size_t> Scheduler::place_of_alone() const {
  const auto found = std::ranges::find(ready_, alone_, &Ready::thread);
  return found != ready_.end() ? std::optional(static_cast<std::size_t>(found - ready_.begin())) : std::nullopt;
}

bool Scheduler::has_ready() const {
  return alone_ == nullptr || unless_waits_ ? !ready_.empty() : place_of_alone().has_value();
}

bool Scheduler::has_other() const {
  if (alone_ != nullptr) return place_of_alone().has_value();
  return std::ranges::any_of(ready_, [this](const Ready& r) { return r.held_until <= slices_; });
}

std::size_t Scheduler::choose() {
  if (!chaos_ || ready_.size() == 1) return 0;
  if (!has_other()) {
    for (auto& r : ready_) r.held_until = 0;
  }
  if (random(32) == 0) generation_ = (*chaos_)();
  const u64 salt = phase_starves_ || random(2) == 0 ? generation_ : (*chaos_)();
  std::size_t best = 0;
  u64 highest = 0;
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    const u64 priority = mixed(salt + ready_[i].thread->number);
    if (ready_[i].held_until > slices_ || priority < highest) continue;
    best = i;
    highest = priority;
  }
  return best;
}

GuestThread& Scheduler::front() {
  if (alone_ != nullptr) {
    if (const auto place = place_of_alone()) chosen_ = place;
  }
  if (!chosen_ || *chosen_ >= ready_.size()) chosen_ = choose();
  return *ready_[*chosen_].thread;
}

GuestThread& Scheduler::take() {
  auto& thread = front();
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(*chosen_));
  chosen_.reset();
  return thread;
}

void Scheduler::begin_phase() {
  phase_slices_ = 1 + random(longest_phase);
  phase_bits_ = 1 + random(random(2) == 0 ? short_chaos_bits : longest_chaos_bits);
  phase_holds_ = random(4);
  phase_calls_ = random(5);
  phase_starves_ = random(3) == 0;
}

u64 Scheduler::slice() {
  if (!chaos_) return u64{1} << fair_slice_bits;
  if (phase_slices_ == 0) begin_phase();
  --phase_slices_;
  ++slices_;
  return 1 + random(u64{1} << phase_bits_);
}

bool Scheduler::preempts_behind_call() { return chaos_ && random(8) < phase_calls_; }

u64 Scheduler::further_instructions() { return chaos_ ? random(longest_further) : 0; }

}  // namespace fred
