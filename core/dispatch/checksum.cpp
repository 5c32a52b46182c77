// Checksums of memory in the log (--checksum-every), where live and a worker compare what they have.
#include "core/dispatch/guest_engine.h"
#include "core/memory/memory_checksum.h"

namespace fred {

void GuestEngine::checksum() {
  // Live does it behind system calls; a worker finds the event there.
  switch (mode()) {
    case Mode::run:
      return;
    case Mode::record:
      if (options_.checksum_every == 0 || !stand_.after_call || !is_safe_point()) return;
      if (events_.events() - last_checksum_ < options_.checksum_every) return;
      last_checksum_ = events_.events();
      break;
    case Mode::replay:
      if (next_here(EventKind::checksum) == nullptr) return;
      break;
  }
  events_.begin(EventKind::checksum, 0, now(), cpu_->regs());
  const auto found = memory_checksums(*memory_);
  auto recorded = found;
  events_.blob(recorded);
  events_.end();
  if (const auto difference = first_difference(recorded, found); !difference.empty()) {
    events_.diverged(difference, now());
  }
}

}  // namespace fred
