// The program becomes native again (docs/ATTACH.md): each kernel thread leaves the engine as its guest thread.
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <utility>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/native_thread.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

/// It comes to the thread again when that is native.
void send_again(i32 tid, const KernelSignal& signal) {
  raw_syscall(SYS_rt_tgsigqueueinfo, static_cast<u64>(raw_syscall(SYS_getpid)), static_cast<u64>(tid),
              static_cast<u64>(signal.number), reinterpret_cast<u64>(&signal.info));
}

void send_waiting(i32 tid, SignalSlot& slot, ThreadStand& stand) {
  if (stand.waiting) send_again(tid, *std::exchange(stand.waiting, std::nullopt));
  if (slot.has_pending != 0) send_again(tid, slot.pending);
  slot.has_pending = 0;
}

constexpr u64 syscall_size = 2;

}  // namespace

/// All kernel threads stand, and no call is under way of which anything has happened.
void Threads::stand_still() {
  if (running_->stack == nullptr) return;  // there is one thread, and there has been no other
  const auto all_stand = [this] {
    for (const auto& t : threads_) {
      if (t.get() == g_turn.here || t->exited) continue;
      while (t->stands.load() == 0) {
        raw_syscall(SYS_futex, reinterpret_cast<u64>(&t->stands), FUTEX_WAIT_PRIVATE, 0, 0);
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

void Threads::go_native(const std::function<void()>& release_process) {
  stand_still();
  auto& cpu = engine_.cpu();
  block_all_signals();
  // Where the control flow is now, the registers of the running thread are the processor's of the guest.
  save(*running_);
  const u64 size = native_frame_size(cpu.vector_size());
  std::size_t count = 0;
  for (const auto& t : threads_) count += t->exited ? 0 : 1;
  auto* memory =
      static_cast<u8*>(mmap(nullptr, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  FRED_CHECK(memory != MAP_FAILED, "no memory for {} threads that become native", count);
  std::vector<NativeThread> natives(count);
  std::vector<GuestThread*> others;
  std::size_t made = 0;
  const NativeThread* own = nullptr;
  const bool several = running_->stack != nullptr;
  for (const auto& pointer : threads_) {
    auto& t = *pointer;
    if (t.exited) continue;
    if (t.waiting) t.registers.rip -= syscall_size;  // nothing of its call has happened: it begins anew
    const auto& s = t.signals;
    auto& native = natives[made];
    const auto* vector = &t == running_ ? cpu.vector_area() : t.vector_area;
    native = {.frame = build_native_frame(memory + made * size, t.registers, {vector, cpu.vector_size()},
                                          cpu.vector_mask(), s.alt_stack, s.has_saved_mask ? s.saved_mask : s.mask),
              .fs_base = t.registers.fs_base,
              .gs_base = t.registers.gs_base,
              .robust_list = t.robust_list,
              .clear_tid = t.clear_tid};
    ++made;
    const i32 tid = several ? t.tid : engine_.process().thread;
    auto& slot = t.slot != nullptr ? *t.slot : running_slot();
    send_waiting(tid, slot, t.stand);
    if (!several || &t == g_turn.here) {
      own = &native;
    } else {
      t.native = &native;
      others.push_back(&t);
    }
  }
  release_process();
  for (auto* t : others) pass_baton(*t, baton_native);
  enter_native(*own);
}

}  // namespace fred
