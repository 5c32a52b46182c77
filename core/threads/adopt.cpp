// The threads of a program that is taken over (docs/ATTACH.md).
#include <sys/syscall.h>

#include <cstring>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/threads/threads.h"

namespace fred {

Result<std::vector<ThreadEntry>> Threads::adopt(const AdoptedThread& first, std::span<const AdoptedThread> others) {
  auto& cpu = engine_.cpu();
  engine_.process().thread = first.tid;
  running_->clear_tid = first.clear_tid;
  std::vector<ThreadEntry> entries;
  if (others.empty()) return entries;
  prepare_first();
  for (const auto& other : others) {
    auto made = std::make_unique<GuestThread>();
    auto& t = *made;
    t.number = ++last_number_;
    t.tid = other.tid;
    t.registers = other.registers;
    t.signals.mask = other.mask;
    t.signals.alt_stack = other.alt_stack;
    t.comm = other.comm;
    t.robust_list = other.robust_list;
    t.clear_tid = other.clear_tid;
    t.has_run = true;
    t.vector_area = cpu.make_vector_area();
    t.slot = t.vector_area != nullptr && prepare_stack(t) != 0 ? make_signal_stack() : nullptr;
    if (t.slot == nullptr) return fail_errno(ENOMEM, "no memory for the program's threads");
    cpu.put_vector_state(t.vector_area, other.vector);
    if (!g_turn.home.same_processors(t.tid)) g_turn.home.give_up();  // the program has chosen some before
    entries.push_back(kernel_thread_entry(t));
    scheduler_.make_ready(t, Scheduler::Why::created);
    threads_.push_back(std::move(made));
  }
  begin_slice();
  return entries;
}

}  // namespace fred
