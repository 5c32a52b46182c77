// Children and new programs of the guest:
//   fork    the child goes on in its own copy of the engine, and records itself in a log of its own
//   vfork   (and other CLONE_VM|CLONE_VFORK children, as posix_spawn makes them) the child shares our memory
//           until exec or exit, while the parent waits: until then it is part of the parent's recording. What it
//           executes is a process of its own (executed_child.h)
//   execve  of a recorded process is done in place
// A child that cannot be recorded goes on without: as an engine until its next execve.
#pragma once
#include <functional>
#include <optional>

#include "core/dispatch/guest_engine.h"
#include "core/syscalls/limits.h"

namespace fred {

class Processes {
 public:
  explicit Processes(GuestEngine& engine) : engine_(engine) {}

  /// The results of the calls, as the guest sees them.
  i64 fork(Syscall& call, u64 flags, GuestAddr stack);
  i64 vfork(Syscall& call, u64 flags, GuestAddr stack);
  i64 execute(Syscall& call, const std::string& path, std::vector<std::string> args, std::vector<std::string> env);
  /// exit and exit_group: of the vfork child, or of the guest.
  i64 exit(Syscall& call, int status);
  /// SIGKILL to itself, likewise: the kernel would end the engine before the log is whole.
  i64 kill_itself(Syscall& call);

  /// In a worker: the vfork child's last system call has been replayed; the parent goes on.
  bool child_left() const { return child_left_; }
  void finish_replayed_vfork();
  /// A signal ends the vfork child.
  void child_dies(int signal) { child_end_ = signal; }
  /// A worker: true: the vfork child was killed here, and the parent goes on.
  bool replay_killed_vfork();
  /// Live: the vfork child does nothing any more that could be lost with it, if `gone`.
  void leaving(bool gone) { child_left_ = gone; }

  /// A worker: re-executes up to the fork that began process `number`, in the event with that number, and is that
  /// process from then on. The event may be unfinished, where this process was killed in it. False: the log has no such
  /// fork from here on.
  bool enter_child(u32 number, u64 event);

  bool in_vfork_child() const { return parent_.has_value(); }
  /// This process is a forked child that is not recorded.
  bool unrecorded_child() const { return unrecorded_child_; }
  /// Live: this process is a child that is to stand where it begins.
  bool is_held() const { return held_; }
  /// Live: from here on it is not. At a safe point, or within a fork.
  void leave_recording();

 private:
  struct Parent {
    Registers registers;
    std::vector<u8> vector;
    GuestSignalState signals;
    GuestLimits limits;
  };
  bool is_child() const { return engine_.tree().place().parent != 0; }
  void begin_live(const std::optional<RecordedTree::NewProcess>& place, GuestAddr clear_tid);
  void begin_again(GuestAddr clear_tid);
  i64 leave_by(const std::string& path, std::vector<std::string>& args, std::vector<std::string>& env);
  /// Memory that a child is to share. -errno if memory is short for it.
  i64 share_memory(Syscall& call);
  /// `killed`: the child has not left by itself (killed_child.cpp).
  i64 end_vfork(i64 pid, bool killed);
  i64 end_killed_vfork(i64 pid);
  void take_memory_of_killed();
  /// The vfork child's last call. Live: `leave` does not come back.
  i64 leave_vfork(Syscall& call, i32 end, const std::function<void()>& leave);
  static void vfork_child(void* self);

  GuestEngine& engine_;
  std::optional<Parent> parent_;
  bool unrecorded_child_ = false, held_ = false;
  u32 entering_ = 0;         // replaying: the process whose fork is waited for
  bool child_left_ = false;  // the vfork child has gone; in live: or is about to go, by itself
  i32 child_end_ = -1;       // its wait status; -1: it has executed a program
  std::vector<GuestRange> killed_memory_;
};

}  // namespace fred
