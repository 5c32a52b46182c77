// One row per system call: what its arguments are, what memory the kernel writes for it and how the
// length of that is known. syscalls.def is written in this vocabulary; walker.h walks the rows.
//
// What the kernel only reads needs no more than a kind (`In`); with a length, `Reads(length)`, access watches see it.
// What it writes is `Out(length)`, with a length
// from a small vocabulary:
//   fixed(bytes)        always so many: a structure
//   result(arg, unit)   as many units as the result says, and never more than argument `arg` has room for
//   count(arg, unit)    as many units as argument `arg` says
//   word(arg)           a 32-bit length word at argument `arg`: bytes of room before the call, of data
//                       after it; the smaller of the two were written
//   vec(arg)            result bytes spread over `arg` iovecs; the argument itself points to them
// A NULL pointer is skipped. Whatever fits none of these is done by a function of the row (OWN).
#pragma once
#include "core/base/types.h"
#include "core/syscalls/syscall.h"

namespace fred {

enum class ArgKind : u8 {
  none,  // no such argument
  num,   // a number, flags, or an address that is only a number
  fd,    // a descriptor, or AT_FDCWD: one of the engine's own is EBADF
  path,  // a path that the kernel reads
  in,    // memory that the kernel reads
  out,   // memory that the kernel writes (and may read)
  word,  // the length word of an Out(word(…)) of the same row: read and written
};

enum class LengthKind : u8 { none, fixed, result, count, word, vec };

/// When the kernel may have written an Out argument. EFAULT is never such a case.
enum class Written : u8 {
  on_success,
  or_interrupted,  // also when a signal ended the call
  or_error,        // whatever the result
};

struct Length {
  LengthKind kind = LengthKind::none;
  u8 arg = 0;    // the argument that the length refers to
  u32 unit = 0;  // bytes of one unit; for `fixed` all bytes
};

constexpr Length fixed(u32 bytes) { return {LengthKind::fixed, 0, bytes}; }
constexpr Length result(u8 arg, u32 unit = 1) { return {LengthKind::result, arg, unit}; }
constexpr Length count(u8 arg, u32 unit = 1) { return {LengthKind::count, arg, unit}; }
constexpr Length word(u8 arg) { return {LengthKind::word, arg, 1}; }
constexpr Length vec(u8 arg) { return {LengthKind::vec, arg, 1}; }

struct Arg {
  ArgKind kind = ArgKind::none;
  Written written = Written::on_success;
  Length length;
};

namespace syscall_args {
inline constexpr Arg Num{.kind = ArgKind::num, .length = {}};
inline constexpr Arg Fd{.kind = ArgKind::fd, .length = {}};
inline constexpr Arg Path{.kind = ArgKind::path, .length = {}};
inline constexpr Arg In{.kind = ArgKind::in, .length = {}};
/// Of a call that succeeds; one that a signal ends has read what is not counted by its result.
constexpr Arg Reads(Length length) { return {.kind = ArgKind::in, .length = length}; }
inline constexpr Arg Word{.kind = ArgKind::word, .length = {}};
constexpr Arg Out(Length length, Written written = Written::on_success) {
  return {.kind = ArgKind::out, .written = written, .length = length};
}
}  // namespace syscall_args

enum class RowClass : u8 {
  none,     // a number that this table does not know
  walked,   // passed to the kernel; the row says everything
  handled,  // a function does it
  refused,  // not let through, on purpose: `reason` says why
  absent,   // a number that Linux never used or uses no longer: ENOSYS, as natively
};

struct Row {
  const char* name = nullptr;
  RowClass cls = RowClass::none;
  bool blocks = false;  // may wait for something outside
  u8 fds = 0;           // bit i: argument i is a descriptor
  u8 outs = 0;          // bit i: argument i is an Out
  u16 error = 0;        // refused and absent: the errno
  Arg args[6];
  SyscallHandler handler = nullptr;
  const char* reason = nullptr;
};

}  // namespace fred
