// A row at work. A template over the call, so that tests can walk rows without a kernel or a log.
//
// `Call` offers what Syscall does: arg, addr, engine().owns_descriptor, get, receive, buffer, scratch, pass, execute,
// output.
#pragma once
#include <algorithm>
#include <bit>
#include <cerrno>

#include "core/base/raw_syscall.h"
#include "core/syscalls/iovecs.h"
#include "core/syscalls/row.h"

namespace fred {

/// More than this the kernel never moves in one call (its MAX_RW_COUNT).
inline constexpr u64 max_transfer = 0x7ffff000;

constexpr u64 bounded_size(u64 units, u64 unit) { return units > max_transfer / unit ? max_transfer : units * unit; }

/// A signal ended the call: the guest sees -EINTR, or the dispatcher restarts it (-ERESTARTSYS).
constexpr bool interrupted(i64 result) { return result == -EINTR || result == restart_call; }

constexpr bool was_written(const Arg& arg, i64 result) {
  if (!is_error(result)) return true;
  if (result == -EFAULT) return false;
  return arg.written == Written::or_error || (arg.written == Written::or_interrupted && interrupted(result));
}

/// True if a descriptor argument is one of the engine's own.
template <class Call>
bool touches_engine(Call& call, const Row& row) {
  for (unsigned left = row.fds; left != 0; left &= left - 1)
    if (call.engine().owns_descriptor(static_cast<i32>(call.arg(std::countr_zero(left))))) return true;
  return false;
}

/// How many bytes the kernel may write for Out argument `i`, known before the call.
template <class Call>
u64 room_of(Call& call, const Row& row, int i) {
  const Length& length = row.args[i].length;
  switch (length.kind) {
    case LengthKind::fixed:
      return length.unit;
    case LengthKind::result:
    case LengthKind::count:
      return bounded_size(call.arg(length.arg), length.unit);
    case LengthKind::word: {
      i32 bytes = 0;
      if (!call.get(bytes, call.addr(length.arg)) || bytes < 0) return 0;
      return static_cast<u32>(bytes);
    }
    case LengthKind::none:
    case LengthKind::vec:
      break;
  }
  return 0;
}

/// Rows with an iovec: the vector is read before the call, since the call may write over it.
template <class Call>
[[gnu::noinline]] i64 walk_vec(Call& call, const Row& row, int i) {
  IoVecs vecs;
  vecs.read(call, call.addr(i), call.arg(row.args[i].length.arg));
  call.pass(i, vecs.receive(call, call.addr(i)));
  const i64 result = call.execute();
  if (result > 0) vecs.output(call, static_cast<u64>(result));
  return result;
}

/// Does the guest's call as its row says and returns what the guest sees in rax.
template <class Call>
i64 walk(Call& call, const Row& row) {
  if (touches_engine(call, row)) return -EBADF;
  u64 room[6];
  for (unsigned left = row.outs; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    const Length& length = row.args[i].length;
    if (length.kind == LengthKind::vec) return walk_vec(call, row, i);
    room[i] = call.arg(i) == 0 ? 0 : room_of(call, row, i);
    if (room[i] != 0) call.receive(i, room[i]);
    if (length.kind == LengthKind::word && call.arg(length.arg) != 0) call.receive(length.arg, 4);
  }
  const i64 result = call.execute();
  for (unsigned left = row.outs; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    const Arg& arg = row.args[i];
    if (!was_written(arg, result)) continue;
    u64 size = room[i];
    if (arg.length.kind == LengthKind::result) {
      size = is_error(result) ? 0 : std::min(size, bounded_size(static_cast<u64>(result), arg.length.unit));
    } else if (arg.length.kind == LengthKind::word && call.arg(arg.length.arg) != 0) {
      // The word first: in a worker, too, the size of the rest is then in memory.
      call.output(call.addr(arg.length.arg), 4);
      size = std::min(size, room_of(call, row, i));
    }
    if (size != 0) call.output(call.addr(i), size);
  }
  return result;
}

}  // namespace fred
