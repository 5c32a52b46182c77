#include "core/threads/pace.h"

#include <algorithm>

namespace fred {

namespace {
constexpr u64 longest_loop = 512;  // bytes of code
constexpr int most_changes = 3;    // of a loop that perhaps waits
// A look costs 0.2 µs; a tick takes 0.5 ns and more.
constexpr u64 alone_every = u64{1} << 18, seldom_every = u64{1} << 15, often_every = u64{1} << 12;
constexpr u32 soon_again = 16;  // looks for which a thread that has waited probably does so again
}  // namespace

u64 Pace::look_every(bool others) const {
  if (!others) return alone_every;
  return works_ < soon_again ? often_every : seldom_every;
}

Pace::Found Pace::look(const Registers& there) {
  int changes = 0;
  for (std::size_t r = 0; r < std::size(there.gpr); ++r) changes += there.gpr[r] != last_.gpr[r];
  const u64 apart = std::max(there.rip, last_.rip) - std::min(there.rip, last_.rip);
  const bool same_place = apart < longest_loop && there.gpr[rsp] == last_.gpr[rsp] && changes <= most_changes;
  last_ = there;
  if (!same_place) {
    if (works_ < soon_again) ++works_;
    return Found::works;
  }
  works_ = 0;
  return changes == 0 ? Found::waits : Found::perhaps_waits;
}

}  // namespace fred
