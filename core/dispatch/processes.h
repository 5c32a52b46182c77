// Children and new programs of the guest, as far as one recorded process has them:
//   fork    the child goes on unrecorded in its own copy of the engine and leaves it at its execve
//   vfork   (and other CLONE_VM|CLONE_VFORK children, as posix_spawn makes them) the child shares our memory
//           until exec or exit, while the parent waits: what it executes is part of the parent's recording
//   execve  of the recorded process is done in place
#pragma once
#include <optional>

#include "core/dispatch/guest_engine.h"

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

  /// In a worker: the vfork child's last system call has been replayed; the parent goes on.
  bool child_left() const { return child_left_; }
  void finish_replayed_vfork();

  bool in_vfork_child() const { return parent_.has_value(); }
  /// This process is a forked child that is not recorded.
  bool unrecorded_child() const { return unrecorded_child_; }

 private:
  struct Parent {
    Registers registers;
    std::vector<u8> vector;
    GuestSignalState signals;
  };
  /// Memory that a child is to share. -errno if memory is short for it.
  i64 share_memory(Syscall& call);
  i64 end_vfork(i64 pid);
  static void vfork_child(void* self);

  GuestEngine& engine_;
  std::optional<Parent> parent_;
  bool unrecorded_child_ = false;
  bool child_left_ = false;  // replaying: the vfork child has gone
};

}  // namespace fred
