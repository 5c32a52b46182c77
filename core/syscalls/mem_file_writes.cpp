// The guest changes a file that it has mapped shared. Natively the mapping shows it at once. Here a mapping may
// be a stand-in (read-only ones), and a worker's always is one: the bytes are put there, as an effect of the call.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/raw_syscall.h"
#include "core/engine.h"
#include "core/memory/unique_fd.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/memory.h"

namespace fred {

namespace {

/// Which descriptor a call writes to, and where.
enum class Place : u8 {
  none,
  position,  // the result's bytes before the descriptor's position
  at,        // the result's bytes at an offset, argument `offset`
  size,      // the file's size, argument `offset` unused
  opened,    // the result is a descriptor; the file may have been truncated
  path,      // argument 0 is a path; its size changed
  output,    // the result's bytes before the position, or at the offset that argument `offset` points to
};

struct Row {
  u64 number;
  Place place;
  u8 fd = 0, offset = 0;
};
constexpr Row rows[] = {
    {SYS_write, Place::position},       {SYS_writev, Place::position},     {SYS_pwrite64, Place::at, 0, 3},
    {SYS_pwritev, Place::at, 0, 3},     {SYS_pwritev2, Place::at, 0, 3},   {SYS_ftruncate, Place::size},
    {SYS_fallocate, Place::size},       {SYS_open, Place::opened},         {SYS_openat, Place::opened},
    {SYS_creat, Place::opened},         {SYS_openat2, Place::opened},      {SYS_truncate, Place::path},
    {SYS_sendfile, Place::position, 0}, {SYS_splice, Place::output, 2, 3}, {SYS_copy_file_range, Place::output, 2, 3},
};

struct Change {
  u64 dev = 0, ino = 0;
  u64 begin = 0, end = 0;  // bytes written; equal: only the size changed
  u64 file_size = 0;
};

/// True for a shared mapping of this inode.
bool shows(const Mapping& m, u64 dev, u64 ino) {
  return m.flags & MAP_SHARED && m.file && m.file->dev == dev && m.file->ino == ino;
}

/// Live only: what changed. A `dev` of 0: nothing to do.
Change find_change(const Syscall& call, const Row& row, i64 result, const std::string& path) {
  Change change;
  struct stat st {};
  i64 fd = static_cast<i32>(row.place == Place::opened ? static_cast<u64>(result) : call.arg(row.fd));
  const i64 known = row.place == Place::path
                        ? raw_syscall(SYS_stat, reinterpret_cast<u64>(path.c_str()), reinterpret_cast<u64>(&st))
                        : raw_syscall(SYS_fstat, static_cast<u64>(fd), reinterpret_cast<u64>(&st));
  if (known < 0 || !S_ISREG(st.st_mode)) return {};
  change.dev = st.st_dev;
  change.ino = st.st_ino;
  change.file_size = static_cast<u64>(st.st_size);
  const auto& all = call.engine().memory().table().all();
  const bool mapped = std::any_of(all.begin(), all.end(),
                                  [&](const auto& entry) { return shows(entry.second, change.dev, change.ino); });
  if (!mapped) return {};
  const u64 bytes = static_cast<u64>(result);
  Place place = row.place;
  u64 offset = call.arg(row.offset);
  if (place == Place::output) {
    i64 after = 0;
    place = offset ? Place::at : Place::position;
    if (offset && call.get(after, GuestAddr{offset})) offset = static_cast<u64>(after) - bytes;
  }
  if (row.number == SYS_pwritev2 && static_cast<i64>(offset) == -1) place = Place::position;
  if (place == Place::at) {
    change.begin = offset;
    change.end = offset + bytes;
  } else if (place == Place::position) {
    const i64 after = raw_syscall(SYS_lseek, static_cast<u64>(fd), 0, SEEK_CUR);
    change.end = after < 0 ? 0 : static_cast<u64>(after);
    change.begin = change.end - std::min(bytes, change.end);
  } else if (row.number == SYS_fallocate) {
    change.begin = call.arg(2);  // punching and zeroing change contents without changing the size
    change.end = std::min(call.arg(2) + call.arg(3), change.file_size);
    if (change.begin > change.end) change.begin = change.end;
  }
  return change;
}

/// Live: the file's bytes into a mapping that is not the file.
void fill_from_file(const Syscall& call, const Row& row, i64 result, const std::string& path, GuestRange range,
                    u64 offset) {
  const int fd = static_cast<int>(row.place == Place::opened ? result : static_cast<i64>(call.arg(row.fd)));
  const std::string name = row.place == Place::path ? path : "/proc/self/fd/" + std::to_string(fd);
  const UniqueFd from{raw_syscall(SYS_open, reinterpret_cast<u64>(name.c_str()), O_RDONLY | O_CLOEXEC)};
  for (u64 done = 0; from && done < range.size();) {
    const i64 n = raw_syscall(SYS_pread64, static_cast<u64>(from.get()), range.begin.value + done, range.size() - done,
                              offset + done);
    if (n <= 0) return;
    done += static_cast<u64>(n);
  }
}

}  // namespace

void mirror_file_changes(Syscall& call, i64 result) {
  if (is_error(result) || call.mode() == Mode::run) return;
  const auto* row =
      std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.number == call.number(); });
  if (row == std::end(rows)) return;
  std::string path;
  if (row->place == Place::path && !call.get_string(path, call.addr(0))) return;
  Change change;
  if (!call.replaying()) change = find_change(call, *row, result, path);
  call.value(&change, sizeof change);
  if (change.dev == 0) return;

  GuestMemory& memory = call.engine().memory();
  if (const int object = memory.sources().object(change.dev, change.ino); call.replaying() && object >= 0)
    raw_syscall(SYS_ftruncate, static_cast<u64>(object), change.file_size);
  for (const auto& [first, m] : memory.table().all()) {
    if (!shows(m, change.dev, change.ino)) continue;
    const u64 begin = std::max(change.begin, m.offset), end = std::min(change.end, m.offset + m.range.size());
    if (begin >= end) continue;
    const GuestRange range = guest_range(m.range.begin + (begin - m.offset), end - begin);
    const bool stand_in = m.file->source == Source::stand_in || m.file->source == Source::direct;
    if (m.prot & PROT_EXEC) call.engine().code_gone(m.range);
    if (stand_in && !call.replaying()) memory.sources().grow_stand_in(*m.file, change.file_size);
    const bool fill = stand_in || call.replaying();
    const bool open = fill || !(m.prot & PROT_READ);
    if (open) raw_syscall(SYS_mprotect, m.range.begin.value, m.range.size(), fill ? PROT_READ | PROT_WRITE : PROT_READ);
    if (stand_in && !call.replaying()) fill_from_file(call, *row, result, path, range, begin);
    call.output(range.begin, range.size());
    if (open) raw_syscall(SYS_mprotect, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(m.prot)));
  }
}

}  // namespace fred
