// The program becomes native again (docs/ATTACH.md): each kernel thread leaves the engine as its guest thread.
#include <linux/futex.h>
#include <sys/syscall.h>

#include <cerrno>
#include <ctime>

#include <utility>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/native_thread.h"
#include "core/threads/remains.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

/// They come to the thread again when that is native. True: there were any.
bool send_waiting(i32 tid, SignalSlot& slot, ThreadStand& stand, const ThreadSignals& signals) {
  bool any = false;
  const auto send = [&](const KernelSignal& signal) {
    queue_signal(tid, signal.number, signal.info);
    any = true;
  };
  if (stand.waiting) send(*stand.waiting);
  if (slot.has_pending != 0) send(slot.pending);
  for (const auto& held : signals.held_info) {
    if (held.number != 0 && (signals.held & signal_bit(held.number)) != 0) send(held);
  }
  // Other faults are raised again by their instructions; pc is behind that of a breakpoint.
  constexpr u64 debug_trap = 1, breakpoint_trap = 3;
  if (stand.raised && (stand.raised->trap_number == debug_trap || stand.raised->trap_number == breakpoint_trap)) {
    send(stand.raised->signal);
  }
  stand.waiting.reset();
  slot.has_pending = 0;
  return any;
}

constexpr u64 syscall_size = 2;

}  // namespace

/// All kernel threads stand, and no call is under way of which anything has happened.
void Threads::stand_still() {
  scheduler_.run_alone(nullptr, false);
  if (running_->stack == nullptr) return;  // there is one thread, and there has been no other
  const auto all_stand = [this] {
    for (const auto& t : threads_) {
      if (t.get() == g_turn.here || t->exited) continue;
      while (t->stands.load() == 0) {
        constexpr timespec look_again{.tv_sec = 0, .tv_nsec = 20'000'000};
        const i64 r = raw_syscall(SYS_futex, reinterpret_cast<u64>(&t->stands), FUTEX_WAIT_PRIVATE, 0,
                                  reinterpret_cast<u64>(&look_again));
        // Of two SIGTRAPs that wait one is lost.
        if (r == -ETIMEDOUT) retire_kernel_thread(*t, Retire::stand);
      }
    }
  };
  for (const auto& t : threads_) {
    if (t.get() == g_turn.here) {
      t->retire = Retire::stand;
    } else if (!t->exited) {
      retire_kernel_thread(*t, Retire::stand);
    }
  }
  all_stand();
  // What the kernel has done for a call is not to be done twice: those whose call has ended finish it here.
  collect_finished();
  while (scheduler_.has_ready()) {
    auto& next = scheduler_.take();
    if (next.waiting) switch_to(next);
  }
  all_stand();
}

void Threads::go_native(const std::function<i64()>& release_process) {
  stand_still();
  // Those that have ended may still be on their way out of the engine's code.
  for (const auto& t : dead_) await_end(*t);
  auto& cpu = engine_.cpu();
  block_every_signal();
  // Where the control flow is now, the registers of the running thread are the processor's of the guest.
  save(*running_);
  const u64 size = native_frame_size(cpu.vector_size());
  std::size_t count = 0;
  for (const auto& t : threads_) count += t->exited ? 0 : 1;
  Remains remains(count, size);
  std::vector<NativeThread> natives(count);
  std::vector<GuestThread*> others;
  std::size_t made = 0;
  const NativeThread* own = nullptr;
  const bool several = running_->stack != nullptr;
  for (const auto& pointer : threads_) {
    auto& t = *pointer;
    if (t.exited) continue;
    const i32 tid = several ? t.tid : engine_.process().thread;
    const auto& s = t.signals;
    const auto last_call = t.stand.last_call;
    const bool signals = send_waiting(tid, t.slot != nullptr ? *t.slot : running_slot(), t.stand, s);
    if (t.waiting) t.registers.rip -= syscall_size;  // nothing of its call has happened: it begins anew
    if (!t.waiting && signals && s.has_saved_mask && last_call) {
      // A signal has ended the call, which may be blocked without its mask: it begins anew, and is ended so again.
      t.registers.rip -= syscall_size;
      t.registers.gpr[rax] = *last_call;
    }
    auto& native = natives[made];
    const auto* vector = &t == running_ ? cpu.vector_area() : t.vector_area;
    native = {.frame = build_native_frame(remains.frame(made), t.registers, {vector, cpu.vector_size()},
                                          cpu.vector_mask(), s.alt_stack, s.has_saved_mask ? s.saved_mask : s.mask),
              .remains = &remains,
              .fs_base = t.registers.fs_base,
              .gs_base = t.registers.gs_base,
              .robust_list = t.robust_list,
              .clear_tid = t.clear_tid};
    ++made;
    if (!several || &t == g_turn.here) {
      own = &native;
    } else {
      t.native = &native;
      others.push_back(&t);
    }
  }
  const i64 descriptor = release_process();
  engine_.memory().note_growth();
  remains.find_engine(engine_.memory().table(), static_cast<u32>(others.size()));
  for (auto* t : others) pass_baton(*t, baton_native);
  enter_native_last(own, remains, descriptor);  // without one the thread here has ended
}

}  // namespace fred
