// A running program, stopped by ptrace with all its threads, in which system calls can be made. Unless it is released
// in another way it goes on as if nothing had been: registers and masks are put back, calls that the stop has
// interrupted begin anew. ptrace wants all of it done by one thread.
#pragma once
#include <sys/types.h>
#include <sys/user.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/memory/unique_fd.h"

namespace fred {

struct StoppedThread {
  pid_t tid = 0;
  user_regs_struct regs = {};  // as it was stopped; a call that was interrupted stands before its `syscall` again
  bool timed_call = false;     // such a call, of which the kernel knows how much time is left (restart_syscall)
  u64 mask = 0;
};

/// What a call within a process has given (StoppedProcess::call); `what` names it in the error.
Result<u64> made(i64 result, const char* what);

class StoppedProcess {
 public:
  /// Outside of the vDSO, whose range the caller knows.
  static Result<StoppedProcess> stop(pid_t pid, GuestRange vdso);
  StoppedProcess(StoppedProcess&&) noexcept = default;
  StoppedProcess& operator=(StoppedProcess&&) = delete;
  ~StoppedProcess();

  pid_t pid() const { return pid_; }
  /// The one with the process's id first.
  const std::vector<StoppedThread>& threads() const { return threads_; }
  std::vector<u8> vector_state(pid_t tid) const;

  bool read(u64 at, void* to, u64 size) const;
  bool write(u64 at, const void* from, u64 size) const;
  /// A system call made by the first thread, or by another one: the kernel's result. -ESRCH: the thread is no more.
  i64 call(u64 number, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0);
  i64 call_in(pid_t tid, u64 number, const u64 (&args)[6]);

  /// The thread runs from there, with initial floating-point state and these signals blocked, still traced.
  bool start(pid_t tid, u64 pc, u64 sp, u64 argument, u64 mask);
  /// What has become of a thread that runs: its end is false. A signal that it stops for is passed on.
  bool look_after(pid_t tid);
  /// Stops a thread that was started; false if that cannot be done.
  bool stop_again(pid_t tid);
  /// Lets it go where it is.
  void let_go(pid_t tid);

 private:
  explicit StoppedProcess(pid_t pid) : pid_(pid) {}
  Result<> stop_threads();
  Result<> stop_one(pid_t tid);
  Result<> leave_vdso(StoppedThread& thread, GuestRange vdso);
  std::unexpected<Error> stays_in_vdso(pid_t tid) const;
  bool put_registers(pid_t tid, const user_regs_struct& regs) const;
  std::optional<int> wait_for(pid_t tid) const;
  void forget(pid_t tid);

  pid_t pid_;
  UniqueFd memory_;
  std::vector<StoppedThread> threads_;
  u64 syscall_at_ = 0;  // a `syscall` instruction
};

}  // namespace fred
