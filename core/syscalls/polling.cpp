// select and pselect6, whose sets are as long as the highest descriptor says.
#include <cerrno>

#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

/// The sets are written when the call succeeds; what is left of the time limit, in any case.
i64 select_with(Syscall& call) {
  const i32 highest = static_cast<i32>(call.arg(0));
  const u64 bytes = highest <= 0 ? 0 : (static_cast<u64>(highest) + 63) / 64 * 8;
  for (int i = 1; i <= 3; ++i)
    if (call.arg(i) != 0 && bytes != 0) call.receive(i, bytes);
  if (call.arg(4) != 0) call.receive(4, 16);
  const i64 result = call.execute();
  if (!is_error(result) && bytes != 0)
    for (int i = 1; i <= 3; ++i)
      if (call.arg(i) != 0) call.output(call.addr(i), bytes);
  if (call.arg(4) != 0 && result != -EFAULT) call.output(call.addr(4), 16);
  return result;
}

}  // namespace

i64 sys_select(Syscall& call) { return select_with(call); }
i64 sys_pselect6(Syscall& call) { return select_with(call); }

}  // namespace fred
