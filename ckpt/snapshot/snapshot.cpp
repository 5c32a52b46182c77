#include "ckpt/snapshot/snapshot.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>

#include "core/base/check.h"
#include "core/base/descriptor.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/control/controller.h"
#include "core/dispatch/fork.h"
#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

/// Forks a child of the session, not of this process: the guest's wait calls never see it. All signals are
/// blocked afterwards. The child does not keep this process's control socket. Where live is no child of the session, as
/// it was there before (docs/ATTACH.md) or is a recorded child, the child is nobody's, and only its socket ends it:
/// -ECHILD where a process of the program takes such in, for it would see it in its wait calls.
i64 fork_for_session(GuestEngine& engine, int control_of_parent) {
  static bool of_nobody = false;  // and so are those that it forks
  const bool live = !engine.is_worker();
  const bool orphan = of_nobody || (live && (engine.options().adopted || engine.tree().place().parent != 0));
  const bool below_program = orphan && !of_nobody;  // an orphan's new parent may be one of the program's processes
  if (below_program && !engine.tree().begin_orphan()) return -ECHILD;
  const i64 pid = orphan ? fork_engine_orphan(engine.cpu()) : fork_engine(engine.cpu(), CLONE_PARENT | SIGCHLD);
  if (pid != 0) {
    if (below_program) engine.tree().end_orphan();
    return pid;
  }
  of_nobody = orphan;
  on_failure(nullptr);  // it says so over live's socket
  engine.tree().turn().forget();
  setsid();
  prctl(PR_SET_PDEATHSIG, orphan ? 0 : SIGKILL);
  close_engine_descriptor(control_of_parent);
  return 0;
}

/// Who is forked goes on only when the snapshot has its own copy of memory that they share, for what it writes there
/// until then would be in the snapshot; and holds none of the guest's descriptors: a file system that is being
/// unmounted, or a file that is executed, would still be in use. (No pipe: its descriptors would be seen in the numbers
/// of those that the guest's threads open meanwhile.)
class OwnCopy {
 public:
  /// Without `wanted`, and without memory for it, nobody waits.
  explicit OwnCopy(bool wanted) {
    if (!wanted) return;
    void* at = mmap(nullptr, sizeof *made_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED) made_ = new (at) std::atomic<u32>(0);
  }
  OwnCopy(const OwnCopy&) = delete;
  OwnCopy& operator=(const OwnCopy&) = delete;
  ~OwnCopy() {
    if (made_ != nullptr) munmap(made_, sizeof *made_);
  }

  void made() {
    if (made_ == nullptr) return;
    *made_ = 1;
    raw_syscall(SYS_futex, reinterpret_cast<u64>(made_), FUTEX_WAKE, 1);
  }
  /// Also returns if the snapshot is no more.
  void wait(i64 snapshot) const {
    while (made_ != nullptr && made_->load() == 0 && raw_syscall(SYS_kill, static_cast<u64>(snapshot), 0) == 0) {
      const timespec look_again{.tv_sec = 0, .tv_nsec = 100000000};
      raw_syscall(SYS_futex, reinterpret_cast<u64>(made_), FUTEX_WAIT, 0, reinterpret_cast<u64>(&look_again));
    }
  }

 private:
  std::atomic<u32>* made_ = nullptr;
};

void close_guest_descriptors(const GuestEngine& engine) {
  // The engine's lie at the top; everything below belongs to the guest.
  u64 first_of_engine = 0;
  while (!engine.owns_descriptor(static_cast<i64>(first_of_engine))) ++first_of_engine;
  raw_syscall(SYS_close_range, 0, first_of_engine - 1, 0);
}

/// A working directory would keep its file system from being unmounted.
void leave_working_directory() { raw_syscall(SYS_chdir, reinterpret_cast<u64>("/")); }

/// Where memory runs out the kernel ends snapshots, which history can do without, before live or anybody else.
void go_first_without_memory() {
  const i64 file = raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC);
  if (is_error(file)) return;
  constexpr std::string_view most = "1000";
  raw_syscall(SYS_write, static_cast<u64>(file), reinterpret_cast<u64>(most.data()), most.size());
  raw_syscall(SYS_close, static_cast<u64>(file));
}

/// The dormant snapshot.
[[noreturn]] void be_snapshot(GuestEngine& engine, int control) {
  prctl(PR_SET_NAME, "fred-snapshot");
  go_first_without_memory();
  for (;;) {
    int descriptor = -1;
    const auto message = receive_message(control, &descriptor);
    if (!message || message->kind == MessageKind::quit) _exit(0);
    Message answer{.kind = MessageKind::refused, .tag = message->tag, .pid = static_cast<u32>(getpid())};
    if (message->kind != MessageKind::worker || descriptor < 0) {
      answer.set_text("a snapshot forks workers, nothing else");
    } else if (const i64 worker = fork_for_session(engine, control); worker == 0) {
      // The snapshot itself writes nothing, so there is no hurry.
      if (const i64 detached = engine.memory().detach_shared(); detached < 0) {
        quit(125, fmt::format("no memory for a worker's copy of shared memory: errno {}", -detached));
      }
      be_worker(engine, static_cast<int>(raise_descriptor(descriptor)));
    } else if (worker < 0) {
      const auto why = fail_errno(static_cast<int>(-worker), "cannot fork a worker").error();
      answer.number[0] = static_cast<u64>(why.code);
      answer.set_text(why.message);
    } else {
      answer.kind = MessageKind::forked;
      answer.number[0] = static_cast<u64>(worker);
    }
    if (descriptor >= 0) close(descriptor);
    (void)send_message(control, answer);
  }
}

}  // namespace

void be_worker(GuestEngine& engine, int control, const std::function<Result<>()>& from_log) {
  prctl(PR_SET_NAME, "fred-worker");
  Reporter reporter(control);
  engine.events().on_divergence([&](const Divergence& d) { reporter.diverged(d); });
  if (engine.mode() != Mode::replay) {
    auto started = from_log ? from_log() : engine.start_replaying();
    if (!started) quit(125, started.error().message);
  }
  Controller controller(engine, reporter);
  for (;;) controller.serve();
}

Result<pid_t> fork_snapshot(GuestEngine& engine, int control, int control_of_parent) {
  const bool replaying = engine.mode() == Mode::replay;
  OwnCopy copy(!replaying || engine.memory().is_really_shared());
  const i64 pid = fork_for_session(engine, control_of_parent);
  if (pid != 0) {
    if (pid > 0) copy.wait(pid);
    if (!replaying) engine.unblock_signals();
    if (pid < 0) return fail_errno(static_cast<int>(-pid), "cannot fork a snapshot");
    return static_cast<pid_t>(pid);
  }
  control = static_cast<int>(raise_descriptor(control));
  if (!replaying) {
    close_guest_descriptors(engine);
    leave_working_directory();
  }
  const i64 detached = engine.memory().detach_shared();
  copy.made();
  if (detached < 0) {
    LOG_INFO(snapshot, "cannot make shared memory private: errno {}", -detached);
    _exit(1);  // the session does with fewer snapshots
  }
  if (!replaying) {
    engine.set_replay_start({.offset = engine.events().log_bytes(), .events = engine.events().events()});
  }
  take_control_request();
  be_snapshot(engine, control);
}

}  // namespace fred
