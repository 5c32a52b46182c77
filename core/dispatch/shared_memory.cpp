// Processes that write to the same memory take turns (core/tree/shared_turn.h); here is where this one gets it, and
// what it then sees of the others.
#include "core/base/log.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/guest_engine.h"
#include "core/dispatch/processes.h"
#include "core/memory/opened_pages.h"
#include "core/threads/threads.h"

namespace fred {

namespace {
/// How long others wait for a process that computes.
constexpr u64 slice = u64{1} << 16;  // ticks, some 0.1 ms
}  // namespace

void GuestEngine::take_shared_turn() {
  if (mode() != Mode::record) return;
  auto& turn = tree_.turn();
  tree_.share_memory();
  while (turn.takes_part() && !turn.take()) {
  }
}

bool GuestEngine::hold_shared_turn() {
  auto& turn = tree_.turn();
  if (!memory_->follows_shared()) {
    if (turn.takes_part()) turn.leave();  // such memory is no more
    return true;
  }
  if (mode() != Mode::record) return true;
  if (!turn.takes_part()) {
    tree_.share_memory();
    if (!turn.takes_part()) return true;
  }
  const u64 ticks = cpu_->ticks();
  if (turn.held() && ticks >= shared_slice_end_ && is_findable() && is_safe_point()) {
    if (turn.others_wait() && !turn.pass()) return false;
    shared_slice_end_ = ticks + slice;
  }
  if (!turn.held()) {
    if (!turn.take()) return false;
    shared_slice_end_ = ticks + slice;
  }
  if (!turn.changes_due() || threads_->stuck()) return true;
  turn.changes_found();
  const auto changed = memory_->shared_changes(true);
  if (changed.empty() && memory_->sources().size_changes().empty()) return true;
  turn_event(EventKind::turn, [&] { return changed; });
  return false;
}

void GuestEngine::release_shared() {
  // Where others write without a turn, what they have written already is not told from this process's own writes:
  // both are logged when the turn comes back.
  if (mode() != Mode::record || !all_take_turns()) return;
  auto& pages = memory_->shared_pages();
  // The kernel writes into these when the process is killed.
  if (!pages.empty()) threads_->for_each_robust_word([&](GuestAddr at) { pages.compare_whole(guest_range(at, 1)); });
  memory_->refresh_shared(tree_.turn().has_others());
}

bool GuestEngine::replay_turn() {
  if (next_here(EventKind::turn) == nullptr) return false;
  turn_event(EventKind::turn, [] { return std::vector<GuestRange>{}; });
  return true;
}

void GuestEngine::turn_event(EventKind kind, const std::function<std::vector<GuestRange>()>& changes) {
  const Watches::Change change(conditions_->watches(), now());
  events_.begin(kind, 0, now(), cpu_->regs());
  auto sizes = mode() == Mode::record ? memory_->sources().size_changes() : std::vector<FileSources::FileSize>{};
  events_.blob(sizes);
  memory_->sources().set_sizes(sizes);
  auto changed = changes();
  events_.blob(changed);
  for (const auto& range : changed) {
    code_gone(range);
    const OpenedPages pages(*memory_, range);
    events_.output(range.begin, range.size());
  }
  events_.end();
  LOG_DEBUG(dispatch, "{} ranges of shared memory have changed at {}", changed.size(), cpu_->ticks());
  stand_.rest = 0;
  stand_.after_call = false;
  begins_or_turned_ = true;
  cpu_->count_tick();
}

}  // namespace fred
