// A thread of a program that becomes native again: what the kernel is told for it, and the frame by which it leaves the
// engine for good, as if from a signal handler.
#pragma once
#include "core/arch/x86/state_window.h"
#include "core/signals/frame.h"
#include "core/signals/guest_signals.h"

namespace fred {

class Remains;

struct NativeThread {
  RtSigFrame* frame = nullptr;
  const Remains* remains = nullptr;  // where the frame is
  u64 fs_base = 0, gs_base = 0;
  GuestAddr robust_list, clear_tid;
};

/// Bytes that such a frame takes, for vector state of this many; and the alignment of its begin.
u64 native_frame_size(u64 vector_size);
inline constexpr u64 native_frame_alignment = 64;

/// Builds it at `at`, which has that many bytes. `vector`: an XSAVE area of the engine's, standard format. `mask`: what
/// the thread blocks from then on.
RtSigFrame* build_native_frame(void* at, const Registers& registers, std::span<const u8> vector, u64 components,
                               const GuestAltStack& alternate, u64 mask);

/// The calling kernel thread goes on as that: all signals are blocked before. No libc.
[[noreturn]] void enter_native(const NativeThread& thread);
/// The same for the last one, which has the engine's memory go and then closes the descriptor. Null: it ends.
[[noreturn]] void enter_native_last(const NativeThread* thread, const Remains& remains, i64 descriptor);

}  // namespace fred
