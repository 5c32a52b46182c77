// One system call of the guest in flight: what a row's handler works with.
//
// The same handler runs in all three modes, and that is what keeps recording and re-execution alike:
//   run     the kernel is asked, nothing is logged;
//   record  the kernel is asked; result and the memory it wrote go to the event log;
//   replay  (a worker) the kernel is not asked; result and memory come from the log, and every step is
//           compared with what was recorded.
// A handler therefore never asks the outside world except through `perform`/`execute`, and never lets
// the kernel write guest memory without `output` for it, in the same order in every mode.
#pragma once
#include <functional>
#include <span>
#include <string>

#include "core/base/types.h"
#include "core/syscalls/kernel_buffers.h"

namespace fred {

class Engine;

enum class Mode : u8 { run, record, replay };

class Syscall {
 public:
  Syscall(Engine& engine, u64 number, const u64 (&args)[6]);

  Engine& engine() const { return engine_; }
  u64 number() const { return number_; }
  u64 arg(int i) const { return args_[i]; }
  GuestAddr addr(int i) const { return GuestAddr{args_[i]}; }
  Mode mode() const;
  bool replaying() const { return mode() == Mode::replay; }

  /// Runs `ask` in live and logs its result; in a worker returns the recorded result without running it.
  /// At most once per call in flight unless the handler does so in every mode alike.
  i64 perform(const std::function<i64()>& ask);

  /// The guest's call passed to the kernel as it is, or with other arguments. Blocking calls may be
  /// interrupted by a signal; the dispatcher then restarts the call or delivers -EINTR as natively, and
  /// the handler sees -EINTR or -ERESTARTSYS (-512) here and must return it unchanged.
  i64 execute();
  i64 execute(u64 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

  /// The kernel wrote [at, at+size) of guest memory. Call it after execute/perform. In record the bytes go
  /// to the log, in a worker they come from it (`at` and `size` are compared with the recorded ones). Bytes
  /// that are not mapped are left out, alike in both.
  void output(GuestAddr at, u64 size);

  /// A value only the outside world knows and the handler needs in every mode (a file size, say): in live
  /// the bytes are logged, in a worker they are replaced by the recorded ones.
  void value(void* data, u64 size);

  /// Writes guest memory from engine memory (emulated results; the bytes are the same in every mode, so
  /// nothing is logged). False, with nothing said, if it is not writable: the call is EFAULT.
  bool put(GuestAddr at, const void* from, u64 size);
  /// Reads guest memory; false if it is not readable.
  bool get(void* to, GuestAddr from, u64 size) const;
  /// Reads a NUL-terminated guest string of at most `limit` bytes; false if not readable or too long.
  bool get_string(std::string& to, GuestAddr from, u64 limit = 4096) const;
  template <class T>
  bool put(GuestAddr at, const T& v) {
    return put(at, &v, sizeof v);
  }
  template <class T>
  bool get(T& v, GuestAddr from) const {
    return get(&v, from, sizeof v);
  }

  /// The handler has set the guest's registers itself (rt_sigreturn, execve): rax is not to be written.
  void keep_registers() { keeps_registers_ = true; }
  bool keeps_registers() const { return keeps_registers_; }
  /// The event of this call has been ended by somebody else (the child of a vfork).
  void close_event() { event_closed_ = true; }
  bool event_closed() const { return event_closed_; }

  /// The kernel is about to write here: pages that the engine write-protects because code was translated
  /// from them are opened first (a protected page would give EFAULT). Call before execute; ranges that
  /// are not mapped are skipped. Other threads of the guest do not run meanwhile: a call that may wait says receive()
  /// or buffer() instead.
  void will_write(GuestAddr at, u64 size);

  /// The same of a call that may wait, and with `receive` for argument `i`, for execute(): other threads of the guest
  /// may run meanwhile, and the kernel then writes into memory of the engine, from where output() takes it.
  void receive(int i, u64 size) { kernel_args_[i] = buffer(addr(i), size).value; }
  /// For addresses that are not arguments themselves: where the kernel is to write; and memory of the engine for what
  /// holds such addresses, or null if the kernel writes guest memory itself.
  GuestAddr buffer(GuestAddr at, u64 size);
  void* scratch(u64 size);
  /// What execute() passes to the kernel as argument `i`.
  void pass(int i, GuestAddr at) { kernel_args_[i] = at.value; }
  u64 passed(int i) const { return kernel_args_[i]; }

 private:
  bool blocks() const;
  /// May other threads run while it waits?
  bool may_wait() const;
  /// May anybody who sees its memory, threads or processes that share it?
  bool needs_buffers() const;
  i64 ask_kernel(u64 number, const u64 (&args)[6]);

  Engine& engine_;
  u64 number_;
  u64 args_[6];
  u64 kernel_args_[6];  // what the kernel gets
  KernelBuffers buffers_;
  bool keeps_turn_ = false;
  bool keeps_registers_ = false;
  bool event_closed_ = false;
};

/// A row's handler: does the call and returns what the guest sees in rax.
using SyscallHandler = i64 (*)(Syscall&);

}  // namespace fred
