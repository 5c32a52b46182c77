// Calls that wait for several descriptors: poll, select, epoll; and the mask of signals that some of them wait with.
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <vector>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"
#include "core/syscalls/walker.h"

namespace fred {
namespace {

/// Calls that put another mask in place while they wait.
struct MaskRow {
  u64 number;
  int argument;       // that points to the mask, and is followed by its size
  bool in_structure;  // it points to both instead
};
constexpr MaskRow mask_rows[] = {
    {SYS_pselect6, 5, true},
    {SYS_ppoll, 3, false},
    {SYS_epoll_pwait, 4, false},
    {SYS_epoll_pwait2, 4, false},
};

/// The mask that a call brings. A signal that ends the wait finds it in place: its handler runs with it, and the frame
/// holds the one before. The kernel gets a copy without the signals that the engine itself cannot do without.
class CallMask {
 public:
  explicit CallMask(Syscall& call) : call_(call) {
    const auto* row = std::ranges::find(mask_rows, call.number(), &MaskRow::number);
    if (row == std::end(mask_rows) || call.arg(row->argument) == 0) return;
    if (!row->in_structure) {
      // What the kernel refuses it is to refuse.
      if (call.arg(row->argument + 1) != sizeof mask_ || !call.get(mask_, call.addr(row->argument))) return;
      real_ = mask_ & ~synchronous_signals;
      call.pass(row->argument, GuestAddr{reinterpret_cast<u64>(&real_)});
    } else {
      if (!call.get(pair_, call.addr(row->argument)) || pair_.mask == 0 || pair_.size != sizeof mask_) return;
      if (!call.get(mask_, GuestAddr{pair_.mask})) return;
      real_ = mask_ & ~synchronous_signals;
      pair_.mask = reinterpret_cast<u64>(&real_);
      call.pass(row->argument, GuestAddr{reinterpret_cast<u64>(&pair_)});
    }
    given_ = true;
  }
  CallMask(const CallMask&) = delete;
  CallMask& operator=(const CallMask&) = delete;

  i64 ended_with(i64 result) {
    if (given_ && result == -EINTR) guest_engine(call_).signals().set_temporary_mask(mask_);
    return result;
  }

 private:
  Syscall& call_;
  bool given_ = false;
  u64 mask_ = 0, real_ = 0;
  struct {
    u64 mask, size;
  } pair_{};
};

/// The sets are written when the call succeeds; what is left of the time limit, in any case.
i64 select_with(Syscall& call) {
  CallMask mask(call);
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
  return mask.ended_with(result);
}

/// Of each element the kernel writes one field only: another thread may change the others meanwhile.
i64 poll_with(Syscall& call) {
  CallMask mask(call);
  const u64 count = call.arg(1);
  const u64 bytes = bounded_size(count, sizeof(pollfd));
  const GuestAddr at = call.addr(0);
  // More than there can be descriptors the kernel refuses.
  const bool some = count != 0 && count < max_transfer / sizeof(pollfd);
  const GuestAddr written = some ? call.buffer(at, bytes) : at;
  call.pass(0, written);
  if (call.number() == SYS_ppoll && call.arg(2) != 0) call.receive(2, sizeof(timespec));
  const i64 result = call.execute();
  if (some && (!is_error(result) || interrupted(result))) {
    std::vector<pollfd> elements(call.replaying() ? 0 : count);
    std::vector<i16> answers(count);
    // Here or there is where the kernel has written them: it could, so they can be read.
    if (!call.replaying() && guest_read(elements.data(), written, bytes)) {
      std::ranges::transform(elements, answers.begin(), &pollfd::revents);
    }
    call.value(answers.data(), count * sizeof answers[0]);
    for (u64 i = 0; i < count; ++i) call.put(at + i * sizeof(pollfd) + offsetof(pollfd, revents), answers[i]);
  }
  if (call.number() == SYS_ppoll && call.arg(2) != 0 && result != -EFAULT) call.output(call.addr(2), sizeof(timespec));
  return mask.ended_with(result);
}

i64 epoll_with(Syscall& call) {
  CallMask mask(call);
  return mask.ended_with(walk_row(call));
}

}  // namespace

i64 sys_select(Syscall& call) { return select_with(call); }
i64 sys_pselect6(Syscall& call) { return select_with(call); }
i64 sys_poll(Syscall& call) { return poll_with(call); }
i64 sys_ppoll(Syscall& call) { return poll_with(call); }
i64 sys_epoll_pwait(Syscall& call) { return epoll_with(call); }
i64 sys_epoll_pwait2(Syscall& call) { return epoll_with(call); }

}  // namespace fred
