// Signals that meet the engine where it can least use them: at every single instruction of what opens a thread for
// them, by a tracer that steps to it.
#include "core/signals/kernel_signals.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/dispatch/cpu.h"
#include "core/translate/code_pages.h"
#include "tests/unit/memory_engine.h"
#include "tests/unit/test.h"

namespace fred {
namespace {

const int first_signal = SIGRTMIN, second_signal = SIGRTMIN + 1;

/// As a guest that lets both signals through at first and goes on letting them through. Status 0: both have come, one
/// after the other.
[[noreturn]] void change_masks() {
  test::MemoryEngine engine;
  CodeCache* cache = nullptr;
  CodePages pages(engine.memory(), cache);
  Cpu cpu(engine, pages, {});
  cache = &cpu.cache();
  install_kernel_signals(cpu);
  for (const int signal : {first_signal, second_signal}) set_real_action(signal, RealAction::catch_, 0);
  set_real_mask(0);
  ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  raise(SIGSTOP);
  set_real_mask(signal_bit(SIGUSR1));
  raise(SIGSTOP);
  const auto first = take_pending_signal();
  set_real_mask(0);
  const auto second = take_pending_signal();
  _exit(first && second && first->number == first_signal && second->number == second_signal ? 0 : 1);
}

/// The child goes on, by `how`, until it stops or ends; it gets every signal but the stops' own.
int go_on(pid_t child, __ptrace_request how, int signal) {
  REQUIRE(ptrace(how, child, nullptr, signal) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

/// Both signals come when the child has made that many steps. Gives its wait status at the end; nothing if the change
/// was over before.
std::optional<int> status_with_signals_after(int steps) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) change_masks();
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSTOPPED(status));
  REQUIRE(WSTOPSIG(status) == SIGSTOP);
  for (int n = 0; n < steps; ++n) {
    status = go_on(child, PTRACE_SINGLESTEP, 0);
    REQUIRE(WIFSTOPPED(status));
    if (WSTOPSIG(status) == SIGTRAP) continue;
    REQUIRE(WSTOPSIG(status) == SIGSTOP);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return std::nullopt;
  }
  for (const int signal : {first_signal, second_signal}) REQUIRE(syscall(SYS_tgkill, child, child, signal) == 0);
  for (int signal = 0; !WIFEXITED(status) && !WIFSIGNALED(status);) {
    status = go_on(child, PTRACE_CONT, signal);
    const int came = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
    signal = came == SIGSTOP || came == SIGTRAP ? 0 : came;
  }
  return status;
}

}  // namespace

TEST_CASE("kernel signals: two that come at any instruction of a change of the mask are taken one after the other") {
  int steps = 0;
  for (;; ++steps) {
    CAPTURE(steps);
    const auto status = status_with_signals_after(steps);
    if (!status) break;
    CHECK(*status == 0);
  }
  CHECK(steps > 20);
}

}  // namespace fred
