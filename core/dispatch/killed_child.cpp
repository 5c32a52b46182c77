// A vfork child that was killed from outside while it shared this engine: SIGKILL, or a limit of the kernel's.
//
// What it executed since its last event is in no log, but for what it wrote to memory. So its history ends with that
// event, and the event of its end holds the memory that it leaves: all that it may have written, as nothing tells what
// it has. A call that it was in has never been. The ticks go on from where the counters stand.
//
// All of this needs a whole engine. It is one where guest code ran or the kernel carried out a call
// (StateWindow::at_rest). Elsewhere the child died in the middle of a change to what the parent goes on with, its heap
// or its translations: nothing more can be recorded.
#include <fmt/format.h>

#include "core/dispatch/conditions.h"
#include "core/dispatch/processes.h"
#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

constexpr u64 notice_history_ends = u64{1} << 44;
/// An event of more would be no help.
constexpr u64 most_memory = u64{512} << 20;

u64 size_of(const std::vector<GuestRange>& ranges) {
  u64 size = 0;
  for (const auto& range : ranges) size += range.size();
  return size;
}

}  // namespace

i64 Processes::end_killed_vfork(i64 pid) {
  if (engine_.mode() != Mode::record) return end_vfork(pid, false);
  const bool whole = engine_.cpu().state().at_rest != 0;
  std::vector<GuestRange> memory;
  if (whole) {
    engine_.take_shared_turn();
    engine_.memory().note_growth();
    memory = engine_.memory().writable_pages();
  }
  if (!whole || size_of(memory) > most_memory) {
    const auto line = fmt::format(
        "a vfork child ({}) was killed {}: the recording of its parent ({}) ends here, the program goes on without it",
        pid, whole ? "that shared too much memory to be logged" : "in the middle of fred's own work",
        static_cast<i64>(engine_.tree().place().pid));
    engine_.notice_once(notice_history_ends, line);
    engine_.tree().tell_left();
    (void)engine_.conditions().set({});
    engine_.code_gone({GuestAddr{0}, GuestAddr{~u64{0}}});  // what was half translated is translated anew
    leave_recording();
    engine_.tell_forked();
    return end_vfork(pid, false);
  }
  engine_.events().drop();
  (void)take_pending_signal();  // it was the child's
  engine_.cpu().no_stop();
  killed_memory_ = std::move(memory);
  return end_vfork(pid, true);
}

bool Processes::replay_killed_vfork() {
  if (!parent_ || engine_.mode() != Mode::replay) return false;
  const auto* next = engine_.events().peek();
  if (next == nullptr || next->kind != EventKind::vfork_end) return false;
  engine_.cpu().set_ticks(next->ticks);
  const i64 pid = end_vfork(0, true);
  engine_.cpu().regs().gpr[rax] = static_cast<u64>(pid);
  return true;
}

void Processes::take_memory_of_killed() {
  auto ranges = std::move(killed_memory_);
  auto& events = engine_.events();
  events.blob(ranges);
  for (const auto& range : ranges) events.output(range.begin, range.size());
  engine_.memory().note_growth();
}

}  // namespace fred
