// Deadlocks: all threads of the program wait for each other for ever. It is said only where nothing else can come.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "core/dispatch/guest_engine.h"
#include "core/dispatch/processes.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

/// What only somebody else sends, or a thread to itself while it runs; and what glibc keeps for its own use (32 to
/// cancel a thread, 33 to change credentials). Any other signal can be arranged for: by timers, children, descriptors,
/// queues.
constexpr int unarranged[] = {SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH, SIGPIPE,
                              SIGABRT, SIGSYS, SIGILL,  SIGTRAP, SIGBUS,  SIGFPE,  SIGSEGV, 32,      33};

/// May a handler still run that the program has arranged for?
bool expects_signals(const GuestSignalState& state) {
  for (int signal = 1; signal <= 64; ++signal) {
    const bool caught = state.actions[signal].handler > reinterpret_cast<u64>(SIG_IGN);
    if (caught && std::ranges::find(unarranged, signal) == std::end(unarranged)) return true;
  }
  return false;
}

constexpr std::size_t most_named = 8;

}  // namespace

void Threads::look_for_deadlock() {
  std::string text;
  std::size_t waiting = 0;
  for (const auto& t : threads_) {
    if (t->exited) continue;
    const bool for_ever = t->futex_wait.load() == FutexWait::waiting && t->futex_endless && !t->slot->has_pending;
    if (!for_ever) return;
    if (++waiting > most_named) continue;
    const i32 id = is_running(*t) ? engine_.process().thread : t->tid;
    text += fmt::format("{}thread {} in futex at {:#x}", text.empty() ? "" : ", ", id, t->futex.address);
  }
  if (waiting > most_named) text += fmt::format(", and {} more", waiting - most_named);
  tell_deadlock(text);
}

void Threads::waits_alone(u64 address) {
  if (!g_turn.live || signal_is_pending()) return;
  tell_deadlock(fmt::format("thread {} in futex at {:#x}, and there is no other", engine_.process().thread, address));
}

void Threads::tell_deadlock(const std::string& text) {
  const auto& processes = engine_.processes();
  if (told_deadlock_ || processes.in_vfork_child() || processes.unrecorded_child()) return;
  if (expects_signals(engine_.signals().state())) return;
  told_deadlock_ = true;
  engine_.tell_deadlock(text);
}

}  // namespace fred
