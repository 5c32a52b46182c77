// Descriptors and directories: the calls that must keep the engine's own descriptors out of sight.
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/directory.h"
#include "core/engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/walk.h"
#include "core/syscalls/walker.h"

namespace fred {
namespace {

/// The head of a directory entry, alike in getdents and getdents64; the name follows, where it differs.
struct DirectoryEntry {
  u64 inode;
  i64 offset;
  u16 size;
};
constexpr u64 old_name_at = 18, name_at = 19;

/// The number that a name is, or -1.
i64 number_of(const char* name) {
  i64 n = 0;
  if (*name == 0) return -1;
  for (; *name != 0; ++name) {
    if (*name < '0' || *name > '9' || n > 1'000'000'000) return -1;
    n = n * 10 + (*name - '0');
  }
  return n;
}

bool on_proc(u64 fd) {
  struct statfs info;
  return raw_syscall(SYS_fstatfs, fd, reinterpret_cast<u64>(&info)) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

/// True if this is /proc/PID/fd or fdinfo, of this process or of anybody.
bool is_descriptor_directory(u64 fd) {
  if (!on_proc(fd)) return false;
  char link[64], target[64];
  *fmt::format_to_n(link, sizeof link - 1, "/proc/self/fd/{}", static_cast<i32>(fd)).out = 0;
  const i64 size = raw_syscall(SYS_readlink, reinterpret_cast<u64>(link), reinterpret_cast<u64>(target), sizeof target);
  if (size <= 0) return false;
  const std::string_view path(target, static_cast<u64>(size));
  const std::string own = fmt::format("/proc/{}/", raw_syscall(SYS_getpid));
  return path.starts_with(own) && (path.ends_with("/fd") || path.ends_with("/fdinfo"));
}

/// The entries of one block, as getdents or getdents64 lays them out.
class EntryBlock {
 public:
  EntryBlock(u8* bytes, u64 size, u64 name_offset) : bytes_(bytes), size_(size), name_offset_(name_offset) {}

  bool any_number() const {
    for (u64 at = 0; const u64 size = entry_size(at); at += size)
      if (number_at(at) >= 0) return true;
    return false;
  }

  /// Takes the engine's descriptors out; returns the size of what is left.
  u64 drop_engine_entries(const Engine& engine) {
    u64 to = 0;
    for (u64 at = 0; const u64 size = entry_size(at); at += size) {
      const i64 number = number_at(at);
      if (number >= 0 && engine.owns_descriptor(number)) continue;
      std::memmove(bytes_ + to, bytes_ + at, size);
      to += size;
    }
    return to;
  }

 private:
  /// 0 at the end.
  u64 entry_size(u64 at) const {
    if (at + name_offset_ >= size_) return 0;
    DirectoryEntry entry;
    std::memcpy(&entry, bytes_ + at, sizeof entry);
    return entry.size <= size_ - at ? entry.size : 0;
  }
  i64 number_at(u64 at) const { return number_of(reinterpret_cast<const char*>(bytes_ + at + name_offset_)); }

  u8* bytes_;
  u64 size_, name_offset_;
};

/// Asks the kernel for entries until there is one for the guest to see, or none at all. `written` becomes
/// the size of the largest block that the kernel wrote.
i64 read_directory(Syscall& call, u64 name_offset, u64& written) {
  for (;;) {
    const i64 size = raw_syscall(call.number(), call.arg(0), call.arg(1), call.arg(2));
    if (size <= 0) return size;
    written = std::max(written, static_cast<u64>(size));
    // The kernel has just written there: it is mapped.
    EntryBlock block(call.addr(1).ptr<u8>(), static_cast<u64>(size), name_offset);
    if (!block.any_number() || !is_descriptor_directory(call.arg(0))) return size;
    if (const u64 left = block.drop_engine_entries(call.engine()); left != 0) return static_cast<i64>(left);
  }
}

i64 list_directory(Syscall& call, u64 name_offset) {
  call.will_write(call.addr(1), bounded_size(call.arg(2), 1));
  u64 written = 0;
  const i64 result = call.perform([&] { return read_directory(call, name_offset, written); });
  if (is_error(result)) return result;
  call.value(&written, sizeof written);
  if (written != 0) call.output(call.addr(1), written);
  return result;
}

}  // namespace

i64 sys_getdents(Syscall& call) { return list_directory(call, old_name_at); }
i64 sys_getdents64(Syscall& call) { return list_directory(call, name_at); }

namespace {

/// The engine's descriptors from `first` to `last`, rising.
std::vector<u32> engine_descriptors(Engine& engine, u32 first, u32 last) {
  std::vector<u32> found;
  constexpr u64 open_directory = 0200000 | 02000000;  // O_DIRECTORY | O_CLOEXEC
  const i64 fd = raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/fd"), open_directory);
  const auto consider = [&](i64 number) {
    if (number >= first && number <= last && number != fd && engine.owns_descriptor(number))
      found.push_back(static_cast<u32>(number));
  };
  if (is_error(fd)) {
    // No /proc, or no descriptor left: look at every number that can be one.
    u64 limit[2] = {};
    raw_syscall(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, 0, reinterpret_cast<u64>(limit));
    for (u64 n = first; n <= last && n < std::min<u64>(limit[1], u64{1} << 20); ++n) consider(static_cast<i64>(n));
    return found;
  }
  any_entry(static_cast<int>(fd), [&](const char* name) {
    consider(number_of(name));
    return false;
  });
  raw_syscall(SYS_close, static_cast<u64>(fd));
  std::sort(found.begin(), found.end());
  return found;
}

i64 close_around(Engine& engine, u32 first, u32 last, u64 flags) {
  if (first > last) return -EINVAL;
  u64 from = first;
  for (const u32 own : engine_descriptors(engine, first, last)) {
    if (from < own)
      if (const i64 result = raw_syscall(SYS_close_range, from, own - 1, flags); is_error(result)) return result;
    from = u64{own} + 1;
  }
  return from > last ? 0 : raw_syscall(SYS_close_range, from, last, flags);
}

}  // namespace

i64 sys_close_range(Syscall& call) {
  return call.perform([&call] {
    return close_around(call.engine(), static_cast<u32>(call.arg(0)), static_cast<u32>(call.arg(1)), call.arg(2));
  });
}

i64 sys_name_to_handle_at(Syscall& call) {
  constexpr u64 header = 8;           // handle_bytes, handle_type
  constexpr u64 unique_mount_id = 1;  // AT_HANDLE_MNT_ID_UNIQUE: the id has 64 bits
  const GuestAddr handle = call.addr(2);
  u32 room = 0;
  if (!call.get(room, handle) || room > 128) return call.execute();
  const u64 id_size = (call.arg(4) & unique_mount_id) != 0 ? 8 : 4;
  call.will_write(handle, header + room);
  call.will_write(call.addr(3), id_size);
  const i64 result = call.execute();
  if (is_error(result) && result != -EOVERFLOW) return result;
  call.output(handle, header);
  u32 used = 0;
  call.get(used, handle);
  if (result == 0 && used != 0) call.output(handle + header, std::min(room, used));
  call.output(call.addr(3), id_size);
  return result;
}

i64 sys_getxattrat(Syscall& call) {
  struct {
    GuestAddr value;
    u32 size, flags;
  } args{};
  call.get(args, call.addr(4));
  if (args.value.value != 0 && args.size != 0) call.will_write(args.value, args.size);
  const i64 result = call.execute();
  if (result > 0 && args.value.value != 0 && args.size != 0)
    call.output(args.value, std::min<u64>(args.size, static_cast<u64>(result)));
  return result;
}

}  // namespace fred
