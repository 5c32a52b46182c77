// ioctl, by the rows of ioctls.def.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/base/log.h"
#include "core/engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/ioctl_table.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

constexpr u64 notice_key = u64{1} << 32;  // apart from the numbers of system calls

i64 with_output(Syscall& call, GuestAddr at, u64 size) {
  if (at.value == 0 || size == 0) return call.execute();
  call.will_write(at, size);
  const i64 result = call.execute();
  if (!is_error(result)) call.output(at, size);
  return result;
}

/// An unsigned little-endian field of a structure of the guest; 0 if it cannot be read.
u64 field(Syscall& call, GuestAddr at, u8 width) {
  u64 v = 0;
  call.get(&v, at, width);
  return v;
}

i64 with_table(Syscall& call, GuestAddr at, const IoctlEffect& e) {
  constexpr u64 most = u64{1} << 24;
  const u64 entries = field(call, at + e.offset, e.width);
  const u64 size = e.size + std::min(bounded_size(entries, e.unit), most);
  call.will_write(at, size);
  const i64 result = call.execute();
  // The header may come back on errors too: it then says what the kernel would have accepted.
  if (!is_error(result)) {
    call.output(at, size);
  } else if (result != -EFAULT) {
    call.output(at, e.size);
  }
  return result;
}

/// SIOCGIFCONF: {length word, buffer}; with no buffer only the length is answered.
i64 with_list(Syscall& call, GuestAddr at) {
  struct {
    i32 size;
    u32 pad;
    GuestAddr buffer;
  } before{};
  static_assert(sizeof before == 16);
  call.get(before, at);
  call.will_write(at, sizeof before);
  if (before.buffer.value != 0 && before.size > 0) call.will_write(before.buffer, static_cast<u64>(before.size));
  const i64 result = call.execute();
  if (is_error(result)) return result;
  call.output(at, sizeof before.size);
  i32 size = 0;
  call.get(size, at);
  size = std::min(size, before.size);
  if (before.buffer.value != 0 && size > 0) call.output(before.buffer, static_cast<u64>(size));
  return result;
}

i64 unknown_request(Syscall& call, u32 request) {
  call.engine().notice_once(notice_key + request,
                            fmt::format("the program used ioctl request {:#x}, which fred does not know: it was told "
                                        "that the device does not have it (ENOTTY)",
                                        request));
  return -ENOTTY;
}

}  // namespace

i64 sys_ioctl(Syscall& call) {
  const u32 request = static_cast<u32>(call.arg(1));
  const IoctlDecision decision = decide_ioctl(request);
  if (!decision.known) return unknown_request(call, request);
  const GuestAddr at = call.addr(2);
  const IoctlEffect& e = decision.effect;
  switch (e.kind) {
    case IoctlKind::none:
      return call.execute();
    case IoctlKind::out:
      return with_output(call, at, e.size);
    case IoctlKind::table:
      return with_table(call, at, e);
    case IoctlKind::list:
      return with_list(call, at);
    case IoctlKind::fd:
      if (call.engine().owns_descriptor(static_cast<i32>(call.arg(2)))) return -EBADF;
      return call.execute();
    case IoctlKind::fd_in:
      if (call.engine().owns_descriptor(static_cast<i32>(field(call, at + e.offset, e.width)))) return -EBADF;
      return call.execute();
    case IoctlKind::refused:
      LOG_INFO(syscall, "ioctl request {:#x} refused with errno {}: {}", request, decision.error, decision.reason);
      return -static_cast<i64>(decision.error);
  }
  return -ENOTTY;
}

}  // namespace fred
