#include "core/dispatch/register_watches.h"

#include <cstring>
#include <utility>

#include "core/dispatch/guest_engine.h"

namespace fred {

namespace {

std::vector<u8> bytes_of(u64 value) {
  std::vector<u8> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

Hit hit_of(const WatchedRegister& r) {
  return {.at = {.ticks = r.ticks, .pc = GuestAddr{r.pc}},
          .after = {.ticks = r.ticks, .pc = GuestAddr{r.next}},
          .before = bytes_of(r.before),
          .now = bytes_of(r.now)};
}

}  // namespace

void RegisterWatches::clear() {
  watched_.clear();
  subjects_.clear();
  watch_table.registers = nullptr;
  watch_table.register_count = 0;
}

void RegisterWatches::add(std::size_t index, Gpr gpr, std::optional<ThreadId> thread) {
  subjects_.push_back({index, thread});
  watched_.emplace_back().gpr = gpr;
}

void RegisterWatches::finish() {
  watch_table.registers = watched_.data();
  watch_table.register_count = watched_.size();
}

u16 RegisterWatches::mask() const {
  u16 mask = 0;
  for (const auto& r : watched_) mask |= static_cast<u16>(1u << r.gpr);
  return mask;
}

void RegisterWatches::start() {
  for (auto& r : watched_) {
    r.count = 0;
    r.fresh = false;
  }
  enter_thread();
}

void RegisterWatches::enter_thread() {
  const ThreadId running = engine_.process().thread;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    watched_[i].here = subjects_[i].thread.value_or(running) == running;
  }
  know_values();
}

void RegisterWatches::know_values() {
  auto& state = engine_.cpu().state();
  for (const auto& r : watched_) set_known_value(state, r.gpr, state.regs.gpr[r.gpr]);
}

void RegisterWatches::compare(const Time& at) {
  const auto& state = engine_.cpu().state();
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const auto& r = watched_[i];
    const u64 known = known_value(state, r.gpr), now = state.regs.gpr[r.gpr];
    if (known == now || !r.here) continue;
    report_(subjects_[i].index, {.at = at, .after = engine_.now(), .before = bytes_of(known), .now = bytes_of(now)});
  }
  know_values();
}

void RegisterWatches::take_found() {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    if (std::exchange(watched_[i].fresh, false)) report_(subjects_[i].index, hit_of(watched_[i]));
  }
}

void RegisterWatches::add_to(std::vector<Note>& notes) const {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const auto& r = watched_[i];
    if (r.count != 0) notes[subjects_[i].index].add(r.count, hit_of(r));
  }
}

}  // namespace fred
