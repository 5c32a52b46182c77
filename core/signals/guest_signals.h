// The guest's signals: dispositions, mask, alternate stack, and delivery with a true rt_sigframe as the
// kernel builds it.
#pragma once
#include <optional>

#include "core/arch/x86/guest_cpu.h"
#include "core/dispatch/cpu.h"
#include "core/signals/kernel_signals.h"

namespace fred {

/// As the guest passes it to rt_sigaction (asm/signal.h).
struct GuestSigaction {
  u64 handler = 0;  // SIG_DFL, SIG_IGN or an address
  u64 flags = 0;
  u64 restorer = 0;
  u64 mask = 0;
};

struct GuestAltStack {
  u64 sp = 0;
  i32 flags = SS_DISABLE;
  u32 reserved = 0;
  u64 size = 0;
};
static_assert(sizeof(GuestAltStack) == 24);

/// The flags that a frame, or a debugger, may set: AC OF DF TF SF ZF AF PF CF.
inline constexpr u64 user_flags = 0x40000 | 0x800 | 0x400 | 0x100 | 0x80 | 0x40 | 0x10 | 0x4 | 0x1;

/// What a signal does to a process that neither handles nor ignores it.
enum class DefaultAction : u8 { terminate, core, ignore, stop, resume };
DefaultAction default_action(int signal);

inline constexpr u64 never_blocked = signal_bit(SIGKILL) | signal_bit(SIGSTOP);

/// Signal state of a guest thread. Pointer-free.
struct ThreadSignals {
  u64 mask = 0;
  u64 saved_mask = 0;  // the mask to come back to, while a call like rt_sigsuspend has put another in place
  bool has_saved_mask = false;
  GuestAltStack alt_stack;
  u64 held = 0;  // synchronous signals sent by somebody while the guest blocks them
  KernelSignal held_info[5];
};

/// That of the running thread, and of its process.
struct GuestSignalState : ThreadSignals {
  GuestSigaction actions[65] = {};  // by number, from 1
};

class GuestSignals {
 public:
  enum class Delivery : u8 { handler, ignored, dies };

  GuestSignals(Cpu& cpu, const GuestCpu& guest_cpu) : cpu_(cpu), guest_cpu_(guest_cpu) {}

  GuestSignalState& state() { return state_; }

  /// Sets a disposition; the real one follows unless `replaying`.
  void set_action(int signal, const GuestSigaction& action, bool replaying);
  void set_mask(u64 mask, bool replaying);
  /// The mask of a call that brings its own (rt_sigsuspend, ppoll, …), when a signal has ended it: the handler runs
  /// with it, and the one before comes back with the signal frame.
  void set_temporary_mask(u64 mask) {
    state_.saved_mask = state_.mask;
    state_.has_saved_mask = true;
    state_.mask = mask & ~never_blocked;
  }
  /// No handler has taken such a mask: the one before is in place again.
  void end_temporary_mask(bool replaying);
  /// execve: handlers become default.
  void reset_for_exec(bool replaying);
  /// All real dispositions and the mask as the guest has them (after a fork or at the start).
  void mirror_all();
  /// At the start of the guest: what the process inherited (ignored signals, mask).
  void inherit();
  /// The dispositions that the process has, before any of the engine's is there, are the guest's (docs/ATTACH.md).
  void adopt_actions();

  /// Makes the guest take the signal now: builds the frame and enters the handler, or says what becomes
  /// of it. `fault` is given for one that the guest's own instruction raised: it cannot be blocked or
  /// ignored. Registers and vector state are those of the state window. A frame that cannot be written
  /// becomes SIGSEGV, and that again death: `dies_of` tells the signal.
  Delivery deliver(const KernelSignal& signal, const GuestFault* fault, bool replaying, int& dies_of);

  /// rt_sigreturn: takes the frame at rsp back. False: the frame is unreadable or bad (SIGSEGV).
  bool sigreturn(bool replaying);

  /// The signal to deliver of those held back, if the mask allows one now.
  std::optional<KernelSignal> take_held();
  void hold(const KernelSignal& signal);

  /// Bytes of stack that a frame may need (AT_MINSIGSTKSZ).
  u64 frame_size() const;

 private:
  bool build_frame(const KernelSignal& signal, const GuestFault* fault, const GuestSigaction& action);
  bool on_alt_stack(u64 sp) const;

  Cpu& cpu_;
  const GuestCpu& guest_cpu_;
  GuestSignalState state_;
};

}  // namespace fred
