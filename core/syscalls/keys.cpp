// keyctl: what it writes depends on the command.
#include <linux/keyctl.h>

#include <algorithm>
#include <cerrno>

#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

i64 with_output(Syscall& call, int buffer, u64 size) {
  const GuestAddr at = call.addr(buffer);
  if (at.value == 0 || size == 0) return call.execute();
  call.will_write(at, size);
  const i64 result = call.execute();
  if (!is_error(result)) call.output(at, size);
  return result;
}

/// The result is the size of the whole answer; only what fits is written.
i64 with_result_bytes(Syscall& call, int buffer, u64 room) {
  room = bounded_size(room, 1);
  const GuestAddr at = call.addr(buffer);
  if (at.value != 0 && room != 0) call.will_write(at, room);
  const i64 result = call.execute();
  const u64 size = is_error(result) ? 0 : std::min(room, static_cast<u64>(result));
  if (at.value != 0 && size != 0) call.output(at, size);
  return result;
}

}  // namespace

i64 sys_keyctl(Syscall& call) {
  switch (static_cast<i32>(call.arg(0))) {
    case KEYCTL_READ:
    case KEYCTL_DESCRIBE:
    case KEYCTL_GET_SECURITY:
    case KEYCTL_DH_COMPUTE:
      return with_result_bytes(call, 2, call.arg(3));
    case KEYCTL_CAPABILITIES:
      return with_output(call, 1, bounded_size(call.arg(2), 1));  // the rest is zeroed
    case KEYCTL_PKEY_ENCRYPT:
    case KEYCTL_PKEY_DECRYPT:
    case KEYCTL_PKEY_SIGN: {
      struct keyctl_pkey_params params {};
      call.get(params, call.addr(1));
      return with_result_bytes(call, 4, params.out_len);
    }
    case KEYCTL_PKEY_QUERY:
      return with_output(call, 4, sizeof(struct keyctl_pkey_query));
    default:
      return call.execute();
  }
}

}  // namespace fred
