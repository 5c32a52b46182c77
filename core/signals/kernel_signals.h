// The kernel's side of signals: the engine owns every real handler. A fault of translated code becomes an
// exit of the code cache with the guest's exact registers; an asynchronous signal is kept in the slot of the kernel
// thread that it came to and asks for a stop; further ones stay pending in the kernel until the slot has been taken.
#pragma once
#include <csignal>
#include <optional>

#include "core/base/types.h"
#include "core/signals/signal_slot.h"

namespace fred {

class Cpu;

inline constexpr int stopped_at_boundary = 0;

/// A fault of the guest's own code, with what the signal frame needs.
/// `signal.number` may be stopped_at_boundary: nothing is at fault, somebody has opened a file (notice_files_by).
struct GuestFault {
  KernelSignal signal;
  u64 trap_number = 0, error_code = 0, cr2 = 0;
};

/// Installs the handler for the five synchronous signals and prepares the alternate stack of the calling thread. `cpu`
/// is the guest's processor of this process.
void install_kernel_signals(Cpu& cpu);

/// The alternate stack of one kernel thread, with its slot. Memory of the engine, until free_signal_stack().
SignalSlot* make_signal_stack();
void free_signal_stack(SignalSlot* slot);
/// The calling kernel thread takes its signals there. No libc: a thread without the turn may call it.
void use_signal_stack(SignalSlot* slot);
/// The slot of the thread that has the turn: what the functions below speak of, and whose thread it is.
SignalSlot& running_slot();
void set_running_slot(SignalSlot& slot);
/// How a request of the session that came to a thread without the turn finds the one that has it: answers the kernel's
/// id of that one, or 0 if nobody has the turn. Called in signal handlers.
void set_turn_holder(i32 (*holder)());
/// Where messages of the session wait for which it sends control_signal; -1: there is no session.
void set_control_socket(int socket);

/// A function that is asked first about every synchronous signal: true if it was its own (native_step.h).
void set_native_step_handler(bool (*handler)(int signal, const siginfo_t& info, void* context));

/// A function that is asked about every store into a page that may not be written: true if it may be repeated. It must
/// do what a signal handler may.
void set_write_fault_handler(bool (*handler)(GuestAddr at));

/// What the real disposition of an asynchronous signal is to be.
enum class RealAction : u8 { ignore, default_, catch_ };
/// flags: the guest's SA_RESTART, SA_NOCLDSTOP, SA_NOCLDWAIT.
void set_real_action(int signal, RealAction action, u64 flags);

/// The real mask of the thread: the guest's, without the synchronous signals. While a signal waits, all stay blocked.
void set_real_mask(u64 guest_mask);
/// Blocks all asynchronous signals (across a fork); set_real_mask undoes it.
void block_all_signals();
/// Those of faults too: none finds the calling thread any more. No libc.
void block_every_signal();
/// Queues it to a thread of this process (rt_tgsigqueueinfo). No libc.
void queue_signal(i32 thread, int number, const siginfo_t& info);

/// Ends the process by this signal, as its default action does; leaves no core file.
[[noreturn]] void die_by_signal(int signal);

/// The asynchronous signal that is waiting, if any. Taking it leaves all signals blocked until
/// set_real_mask is called.
std::optional<KernelSignal> take_pending_signal();
bool signal_is_pending();

/// How the session asks for attention: this signal with this si_code (rt_tgsigqueueinfo). No mask of the
/// guest keeps it off, and the guest never sees it.
inline constexpr int control_signal = SIGTRAP;
inline constexpr int control_code = -0x46524544;
/// The same signal comes from this descriptor, an inotify's (core/tree/open_notices.h). The guest then executes no
/// further instruction before it leaves the cache.
void notice_files_by(int descriptor);
/// It has come since it was last taken.
bool file_notice_waits();
bool take_file_notice();
/// With this one a thread without the turn comes out of its waiting call (core/threads/turn.h).
inline constexpr int leave_code = control_code - 1;
/// The last one that the session, or what it leaves behind, sends to a program that it was attached to.
inline constexpr int farewell_code = control_code - 2;
bool farewell_received();
/// From here on the program is becoming native: SIGTRAP of nobody's is ours even without a session (see is_ours()).
void begin_release();
/// Is it one of the session's or the engine's? What comes with a signal may be lost.
bool is_ours(const siginfo_t& info);
/// Waits for it, so that it does not come to a program that has become native; but not for ever.
void await_farewell();
/// True from such a request on until it is taken.
bool control_requested();
void take_control_request();

/// The fault with which the cache was left (exit kind `fault`).
const GuestFault& last_fault();

/// A system call of the guest that may block (see kernel_entry.S). -512: a signal came first or the call
/// is to be restarted; nothing has happened.
i64 guest_syscall(u64 number, const u64 (&args)[6]);
/// The same by a thread without the turn, whose slot that is. No libc.
i64 guest_syscall_without_turn(u64 number, const u64 (&args)[6], const SignalSlot& slot);

constexpr u64 signal_bit(int signal) { return u64{1} << (signal - 1); }
inline constexpr u64 synchronous_signals =
    signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGFPE) | signal_bit(SIGILL) | signal_bit(SIGTRAP);

}  // namespace fred
