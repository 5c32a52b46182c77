#include "ckpt/snapshot/snapshot.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "core/base/check.h"
#include "core/base/descriptor.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

u64 now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<u64>(t.tv_sec) * 1000000000 + static_cast<u64>(t.tv_nsec);
}

/// Forks this process with all signals blocked. `flags`: of clone besides SIGCHLD.
i64 fork_quietly(u64 flags) {
  block_all_signals();
  return raw_syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

void close_guest_descriptors(const GuestEngine& engine) {
  // The engine's lie at the top; everything below belongs to the guest.
  u64 first_of_engine = 0;
  while (!engine.owns_descriptor(static_cast<i64>(first_of_engine))) ++first_of_engine;
  raw_syscall(SYS_close_range, 0, first_of_engine - 1, 0);
}

/// The dormant snapshot: comes back only in a worker.
void sleep_as_snapshot(int control) {
  prctl(PR_SET_NAME, "fred-snapshot");
  for (;;) {
    const auto message = receive_message(control);
    if (!message || message->kind == MessageKind::quit) _exit(0);
    if (message->kind != MessageKind::worker) continue;
    const i64 worker = fork_quietly(0);
    if (worker == 0) return;
    int status = -1;
    if (worker > 0) waitpid(static_cast<pid_t>(worker), &status, __WALL);
    (void)send_message(control, {.kind = MessageKind::worker_ended, .number = {static_cast<u64>(status)}});
  }
}

}  // namespace

SnapshotRole fork_snapshot(GuestEngine& engine, int control_socket) {
  // A child of the session, not of the guest: the guest's wait calls never see it.
  const i64 pid = fork_quietly(CLONE_PARENT);
  FRED_CHECK(pid >= 0, "cannot fork a snapshot: errno {}", -pid);
  if (pid > 0) {
    engine.signals().set_mask(engine.signals().state().mask, false);
    return SnapshotRole::live;
  }
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close_guest_descriptors(engine);
  const i64 detached = engine.memory().detach_shared();
  FRED_CHECK(detached >= 0, "cannot make shared memory private in a snapshot: errno {}", -detached);
  const u64 from = engine.events().log_bytes();
  sleep_as_snapshot(control_socket);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "fred-worker");
  engine.set_replay_start(from);
  return SnapshotRole::worker;
}

Verification run_worker(GuestEngine& engine, Reporter& report) {
  const u64 begin = now_ns();
  auto started = engine.start_replaying([&](const Divergence& d) { report.diverged(d); });
  if (!started) quit(125, started.error().message);
  const u64 before = engine.cpu().ticks();
  engine.run();
  (void)before;
  return {.events = engine.events().events(),
          .ticks = engine.cpu().ticks(),
          .nanoseconds = now_ns() - begin,
          .broken_off = !engine.ended_in_log()};
}

}  // namespace fred
