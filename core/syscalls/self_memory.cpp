#include "core/syscalls/self_memory.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "core/base/raw_syscall.h"
#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "core/memory/opened_pages.h"
#include "core/syscalls/proc_files.h"
#include "core/syscalls/syscall.h"

namespace fred {
namespace {

bool opened = false;

/// Live: does this descriptor lead to the memory of this process?
bool leads_to_memory(i32 fd) {
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  char target[64];
  const i64 size =
      raw_syscall(SYS_readlink, reinterpret_cast<u64>(link.c_str()), reinterpret_cast<u64>(target), sizeof target);
  return size > 0 && own_proc_part(std::string_view(target, static_cast<u64>(size))) == "mem";
}

/// Live: what a call of `bytes` bytes wrote; empty if it did not write memory.
GuestRange written_range(const Syscall& call, u64 bytes) {
  const i32 fd = static_cast<i32>(call.arg(0));
  u64 begin = call.arg(3);
  switch (call.number()) {
    case SYS_pwritev2:
      if (begin != ~u64{0}) break;
      [[fallthrough]];
    case SYS_write:
    case SYS_writev: {
      const i64 after = raw_syscall(SYS_lseek, static_cast<u64>(fd), 0, SEEK_CUR);
      begin = static_cast<u64>(after) - bytes;
      break;
    }
    case SYS_pwrite64:
    case SYS_pwritev:
      break;
    default:
      return {};
  }
  return leads_to_memory(fd) ? guest_range(GuestAddr{begin}, bytes) : GuestRange{};
}

}  // namespace

void note_memory_opened(GuestMemory& memory) {
  opened = true;
  memory.shared_pages().compare_everything();  // to a shared page that is write-protected the kernel would not write
}
bool memory_was_opened() { return opened; }

void mirror_memory_writes(Syscall& call, i64 result) {
  switch (call.number()) {
    case SYS_write:
    case SYS_writev:
    case SYS_pwrite64:
    case SYS_pwritev:
    case SYS_pwritev2:
      break;
    default:
      return;
  }
  if (result <= 0) return;
  GuestRange range;
  if (!call.replaying()) range = written_range(call, static_cast<u64>(result));
  call.value(&range, sizeof range);
  if (range.empty()) return;
  call.engine().code_gone(range);
  const OpenedPages pages(call.engine().memory(), range);
  call.output(range.begin, range.size());
}

}  // namespace fred
