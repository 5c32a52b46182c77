// System V shared memory: attached at addresses of our choice; a worker has a private object per segment,
// filled with what was in it when it was attached.
#include <fmt/format.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "core/base/all_zero.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/engine.h"
#include "core/memory/guest_access.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/memory.h"

namespace fred {

namespace {

constexpr u64 shm_dev = 1;  // as /proc/self/maps shows it

struct SharedSegment {
  i64 error = 0;
  u64 size = 0;
  u32 key = 0;
  u32 reserved = 0;
};

bool is_segment(const Mapping& m) {
  return m.owner == Owner::guest && m.file && m.file->dev == shm_dev && m.file->path.starts_with("/SYSV");
}

SharedSegment ask_about_segment(Syscall& call) {
  SharedSegment segment;
  if (!call.replaying()) {
    shmid_ds info{};
    segment.error = raw_syscall(SYS_shmctl, call.arg(0), IPC_STAT, reinterpret_cast<u64>(&info));
    segment.size = page_ceil(info.shm_segsz);
    segment.key = static_cast<u32>(info.shm_perm.__key);
  }
  call.value(&segment, sizeof segment);
  return segment;
}

bool page_is_zero(GuestAddr page) {
  u8 bytes[page_size];
  return !guest_read(bytes, page, page_size) || all_zero(bytes, page_size);
}

/// Logs what is in newly attached memory, page runs that are not zero only; a worker puts it there.
void log_contents(Syscall& call, GuestRange range) {
  constexpr u64 longest = 256 * page_size;
  for (GuestAddr at = range.begin;;) {
    GuestRange run{range.end, range.end};
    if (!call.replaying()) {
      while (at < range.end && page_is_zero(at)) at = at + page_size;
      run = {at, at};
      while (run.end < range.end && run.size() < longest && !page_is_zero(run.end)) run.end = run.end + page_size;
    }
    call.value(&run, sizeof run);
    if (run.empty()) return;
    call.output(run.begin, run.size());
    at = run.end;
  }
}

bool attached(const AddressMap& table, u64 id) {
  return std::any_of(table.all().begin(), table.all().end(),
                     [&](const auto& entry) { return is_segment(entry.second) && entry.second.file->ino == id; });
}

i64 with_output(Syscall& call, u64 size) {
  call.will_write(call.addr(2), size);
  const i64 result = call.execute();
  if (!is_error(result)) call.output(call.addr(2), size);
  return result;
}

}  // namespace

i64 sys_shmget(Syscall& call) { return call.execute(); }

i64 sys_shmctl(Syscall& call) {
  constexpr i32 with_old_flag = 0x100;  // IPC_64: without meaning here
  switch (static_cast<i32>(call.arg(1)) & ~with_old_flag) {
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
      return with_output(call, sizeof(shmid_ds));
    case IPC_INFO:
      return with_output(call, sizeof(shminfo));
    case SHM_INFO:
      return with_output(call, sizeof(shm_info));
    default:
      return call.execute();
  }
}

i64 sys_shmat(Syscall& call) {
  GuestMemory& memory = call.engine().memory();
  const u64 id = static_cast<u32>(call.arg(0));
  GuestAddr addr = call.addr(1);
  const u64 flags = call.arg(2);
  const bool replace = flags & SHM_REMAP;
  if (static_cast<i32>(id) < 0) return -EINVAL;
  if (addr.value % page_size) {
    if (!(flags & SHM_RND)) return -EINVAL;
    addr = GuestAddr{page_floor(addr.value)};
  }
  if (addr.value == 0 && replace) return -EINVAL;
  const SharedSegment segment = ask_about_segment(call);
  if (segment.error) return segment.error;

  MapRequest request{.addr = addr, .size = segment.size, .flags = MAP_SHARED};
  if (addr.value) request.flags |= replace ? MAP_FIXED : MAP_FIXED_NOREPLACE;
  const auto place = memory.place(request);
  if (!place) return place.error() == -EEXIST ? -EINVAL : place.error();
  const int prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
  auto file = std::make_shared<MappedFile>();
  file->path = fmt::format("/SYSV{:08x} (deleted)", segment.key);
  file->dev = shm_dev;
  file->ino = id;
  file->size = segment.size;
  file->source = Source::guest_file;
  const bool again = attached(memory.table(), id);

  const auto attach = [&]() -> i64 {
    if (!call.replaying()) {
      const u64 real_flags = (flags & SHM_RDONLY) | (replace ? static_cast<u64>(SHM_REMAP) : 0);
      return raw_syscall(SYS_shmat, id, place->begin.value, real_flags);
    }
    const i64 object = memory.sources().object_of_size(shm_dev, id, segment.size);
    if (object < 0) return object;
    return raw_syscall(SYS_mmap, place->begin.value, place->size(), PROT_READ | PROT_WRITE,
                       MAP_SHARED | (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE), static_cast<u64>(object), 0);
  };
  guest_engine(call).take_shared_turn();
  const i64 at = memory.attach(*place, prot, file, attach, verdict_of(call));
  if (is_error(at)) return at;
  if (!again && call.mode() != Mode::run) log_contents(call, *place);
  if (call.mode() == Mode::record) memory.follow_shared(*place);
  if (call.replaying()) raw_syscall(SYS_mprotect, place->begin.value, place->size(), static_cast<u64>(real_prot(prot)));
  return at;
}

i64 sys_shmdt(Syscall& call) {
  GuestMemory& memory = call.engine().memory();
  const GuestAddr addr = call.addr(0);
  if (addr.value % page_size) return -EINVAL;
  const Mapping* first = memory.table().find(addr);
  if (!first || !is_segment(*first) || first->range.begin != addr || first->offset != 0) return -EINVAL;
  const auto file = first->file;
  // What is left of this attachment; other mappings in its range are not its.
  for (const auto& m : memory.table().in(guest_range(addr, file->size))) {
    if (!is_segment(m) || m.file->ino != file->ino || m.range.begin - addr != m.offset) continue;
    if (const i64 r = memory.unmap(m.range.begin, m.range.size(), verdict_of(call)); r < 0) return r;
  }
  return 0;
}

}  // namespace fred
