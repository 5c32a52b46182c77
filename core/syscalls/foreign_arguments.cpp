#include "core/syscalls/foreign_arguments.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>

#include "core/engine.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"
#include "core/syscalls/iovecs.h"
#include "core/syscalls/table.h"

namespace fred {

void fetch_arguments(Syscall& call) {
  constexpr u64 longest = page_size;  // the longest path; structures are shorter
  const auto& foreign = call.engine().memory().foreign();
  const Row* row = find_row(call.number());
  for (int i = 0; i < 6 && row != nullptr; ++i) {
    const auto kind = row->args[i].kind;
    if (kind == ArgKind::none || kind == ArgKind::num || kind == ArgKind::fd) continue;
    const auto pieces = foreign.in(guest_range(call.addr(i), longest));
    if (pieces.empty() || pieces[0].begin != call.addr(i)) continue;
    call.output(pieces[0].begin, pieces[0].size());
  }
}

u64 ForeignArguments::vectors(const ForeignMemory& foreign, u64 at, u64 count) {
  if (count == 0 || count > IoVecs::max_count) return at;
  auto* copy = static_cast<IoVec*>(keep(count * sizeof(IoVec)));
  if (!guest_read(copy, GuestAddr{at}, count * sizeof(IoVec))) return at;
  for (u64 i = 0; i < count; ++i) copy[i].base.value = foreign.for_kernel(copy[i].base);
  return reinterpret_cast<u64>(copy);
}

void ForeignArguments::translate(const ForeignMemory& foreign, u64 number, u64 (&args)[6]) {
  const Row* row = find_row(number);
  for (int i = 0; i < 6 && row != nullptr; ++i) {
    const auto& arg = row->args[i];
    if (arg.kind == ArgKind::in && arg.length.kind == LengthKind::vec)
      args[i] = vectors(foreign, args[i], args[arg.length.arg]);
  }
  if (number == SYS_sendmsg) {
    auto* message = static_cast<msghdr*>(keep(sizeof(msghdr)));
    if (guest_read(message, GuestAddr{args[1]}, sizeof *message)) {
      const auto translated = [&](void* at) {
        return reinterpret_cast<void*>(foreign.for_kernel(GuestAddr{reinterpret_cast<u64>(at)}));
      };
      message->msg_name = translated(message->msg_name);
      message->msg_control = translated(message->msg_control);
      message->msg_iov =
          reinterpret_cast<iovec*>(vectors(foreign, reinterpret_cast<u64>(message->msg_iov), message->msg_iovlen));
      args[1] = reinterpret_cast<u64>(message);
    }
  }
  for (u64& argument : args) argument = foreign.for_kernel(GuestAddr{argument});
}

}  // namespace fred
