#include "core/threads/native_thread.h"

#include <sys/syscall.h>

#include <cstring>
#include <new>

#include "core/arch/x86/segment_base.h"
#include "core/base/raw_syscall.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/guest_thread.h"
#include "core/threads/remains.h"

namespace fred {

namespace {
constexpr u64 image_offset =
    (sizeof(RtSigFrame) + native_frame_alignment - 1) / native_frame_alignment * native_frame_alignment;
}  // namespace

u64 native_frame_size(u64 vector_size) {
  const u64 size = image_offset + vector_size + sizeof fp_xstate_magic2;
  return (size + native_frame_alignment - 1) / native_frame_alignment * native_frame_alignment;
}

RtSigFrame* build_native_frame(void* at, const Registers& registers, std::span<const u8> vector, u64 components,
                               const GuestAltStack& alternate, u64 mask) {
  auto* image = static_cast<u8*>(at) + image_offset;
  const auto size = static_cast<u32>(vector.size());
  std::memcpy(image, vector.data(), vector.size());
  std::memcpy(image + vector.size(), &fp_xstate_magic2, sizeof fp_xstate_magic2);
  const auto software = fpx_software(size, components);
  std::memcpy(image + fpx_software_offset, &software, sizeof software);
  auto* frame = new (at) RtSigFrame{};
  frame->uc_flags = uc_fp_xstate | uc_sigcontext_ss | uc_strict_restore_ss;
  frame->stack_sp = alternate.sp;
  frame->stack_flags = alternate.size == 0 ? SS_DISABLE : alternate.flags;
  frame->stack_size = alternate.size;
  frame->context = sig_context(registers, reinterpret_cast<u64>(image));
  frame->mask = mask;
  return frame;
}

namespace {
/// The session's requests, and the engine's own, that came when all signals were blocked. The program is not to get
/// those; one of its own is sent again.
void drop_control_signals() {
  const u64 control = signal_bit(control_signal);
  const u64 no_time[2] = {0, 0};
  siginfo_t info{}, own{};
  while (raw_syscall(SYS_rt_sigtimedwait, reinterpret_cast<u64>(&control), reinterpret_cast<u64>(&info),
                     reinterpret_cast<u64>(no_time), 8) > 0) {
    if (!is_ours(info)) own = info;
  }
  if (own.si_signo == 0) return;
  queue_signal(static_cast<i32>(raw_syscall(SYS_gettid)), control_signal, own);
}
}  // namespace

namespace {
/// What the kernel is told. Where a handler's return finds the frame.
u64 tell_kernel(const NativeThread& thread) {
  drop_control_signals();
  raw_syscall(SYS_set_robust_list, thread.robust_list.value, robust_list_size);
  raw_syscall(SYS_set_tid_address, thread.clear_tid.value);
  fred_write_gs_base(thread.gs_base);
  fred_write_fs_base(thread.fs_base);
  return reinterpret_cast<u64>(thread.frame) + sizeof thread.frame->pretcode;
}
}  // namespace

void enter_native(const NativeThread& thread) {
  const auto& remains = *thread.remains;
  remains.leave(tell_kernel(thread));
}

void enter_native_last(const NativeThread* thread, const Remains& remains, i64 descriptor) {
  remains.unmap_engine(thread != nullptr ? tell_kernel(*thread) : 0, descriptor);
}

}  // namespace fred
