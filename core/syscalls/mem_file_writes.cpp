// The guest changes a file that it has mapped. Natively the mapping shows it at once, but for private pages that
// it has written to. Here a mapping may be a stand-in, and a worker's always is one: the bytes are put there, as an
// effect of the call.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <optional>

#include "core/base/raw_syscall.h"
#include "core/dispatch/guest_engine.h"
#include "core/engine.h"
#include "core/memory/guest_access.h"
#include "core/memory/unique_fd.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/mem_file_change.h"
#include "core/syscalls/memory.h"
#include "core/syscalls/table.h"

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

struct Writer {
  u64 number;
  Place place;
  u8 fd = 0, offset = 0;
};
constexpr Writer writers[] = {
    {SYS_write, Place::position},       {SYS_writev, Place::position},     {SYS_pwrite64, Place::at, 0, 3},
    {SYS_pwritev, Place::at, 0, 3},     {SYS_pwritev2, Place::at, 0, 3},   {SYS_ftruncate, Place::size},
    {SYS_fallocate, Place::size},       {SYS_open, Place::opened},         {SYS_openat, Place::opened},
    {SYS_creat, Place::opened},         {SYS_openat2, Place::opened},      {SYS_truncate, Place::path},
    {SYS_sendfile, Place::position, 0}, {SYS_splice, Place::output, 2, 3}, {SYS_copy_file_range, Place::output, 2, 3},
};

const Writer* writer_of(u64 call) {
  const auto* row = std::ranges::find(writers, call, &Writer::number);
  return row != std::end(writers) ? row : nullptr;
}

/// True for a mapping of this file that changes with it.
bool shows(const Mapping& m, u64 dev, u64 ino) {
  return m.file && m.file->dev == dev && m.file->ino == ino && m.file->source != Source::direct &&
         (m.traits & trait_foreign) == 0;  // there it is seen as the guest reads it
}

/// Live only: what changed. A `dev` of 0: nothing to do.
FileChange find_change(const Syscall& call, const Writer& row, i64 result, const std::string& path) {
  FileChange change;
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

i64 read_file_now(GuestMemory& memory, const ChangedFile& file, const FileChange& change, void* to, u64 size,
                  u64 offset) {
  if (file.fd >= 0) return memory.sources().read_now(file.fd, change.dev, change.ino, to, size, offset);
  return -EBADF;
}

/// Live: pages that the guest has a copy of its own of, by writing to them. `put`: what we have put there last, if so.
bool copied_by_guest(GuestMemory& memory, GuestAddr page, int pagemap, const std::vector<u8>* put) {
  constexpr u64 present = u64{3} << 62, of_file = u64{1} << 61;
  u64 entry = 0;
  raw_syscall(SYS_pread64, static_cast<u64>(pagemap), reinterpret_cast<u64>(&entry), sizeof entry,
              page.value / page_size * sizeof entry);
  if (!(entry & present) || entry & of_file) return false;
  if (!memory.sources().carried_pages().contains(page)) return true;
  std::vector<u8> now(page_size);
  return put != nullptr && guest_read(now.data(), page, page_size) && now != *put;
}

/// Live: what a shorter file leaves of its last page, where that is a stand-in's: the rest are zeros.
void find_cut_page(GuestMemory& memory, const FileChange& change, const Mapping& m, std::vector<Run>& runs) {
  const u64 size = change.file_size, end = page_ceil(size);
  if (m.file->source != Source::stand_in || change.begin != change.end || size == end || !has(m, size)) return;
  const UniqueFd pagemap{raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/pagemap"), O_RDONLY | O_CLOEXEC)};
  const GuestAddr at = place_of(m, size), page{page_floor(at.value)};
  auto& sources = memory.sources();
  const auto* put = sources.written(change.dev, change.ino, page_floor(size));
  if (!copied_by_guest(memory, page, pagemap.get(), put)) {
    runs.push_back({guest_range(at, end - size), size});
    sources.carried_pages().insert(page);
  }
  if (put == nullptr) return;
  auto shorter = *put;
  std::fill(shorter.begin() + static_cast<i64>(size - page_floor(size)), shorter.end(), u8{0});
  sources.keep_written(change.dev, change.ino, page_floor(size), std::move(shorter));
}

/// Live: which bytes of which mappings show the change.
std::vector<Run> find_runs(GuestMemory& memory, const FileChange& change, const ChangedFile& file) {
  std::vector<Run> runs;
  UniqueFd pagemap;
  std::map<u64, std::optional<std::vector<u8>>> put_before;  // by offset
  for (const auto& [first, m] : memory.table().all()) {
    if (!shows(m, change.dev, change.ino)) continue;
    find_cut_page(memory, change, m, runs);
    const u64 begin = std::max(change.begin, m.offset), end = std::min(change.end, m.offset + m.range.size());
    if (begin >= end) continue;
    if (m.flags & MAP_SHARED) {
      runs.push_back({guest_range(place_of(m, begin), end - begin), begin});
      continue;
    }
    if (!pagemap)
      pagemap = UniqueFd{raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/pagemap"), O_RDONLY | O_CLOEXEC)};
    for (u64 at = page_floor(begin); at < end; at += page_size) {
      std::vector<u8> now(page_size);
      if (read_file_now(memory, file, change, now.data(), page_size, at) < 0) continue;
      auto [put, is_first] = put_before.try_emplace(at);
      const auto* known = memory.sources().written(change.dev, change.ino, at);
      if (is_first && known != nullptr) put->second = *known;
      memory.sources().keep_written(change.dev, change.ino, at, std::move(now));
      const GuestAddr page = place_of(m, at);
      if (copied_by_guest(memory, page, pagemap.get(), put->second ? &*put->second : nullptr)) continue;
      memory.sources().carried_pages().insert(page);
      const u64 from = std::max(at, begin), to = std::min(at + page_size, end);
      runs.push_back({guest_range(place_of(m, from), to - from), from});
    }
  }
  return runs;
}

/// Every mode: gives each run its bytes, which `fill` finds in live where the mapping is a stand-in.
void apply_runs(Syscall& call, const std::vector<Run>& runs,
                const std::function<void(const Mapping&, const Run&)>& fill) {
  GuestMemory& memory = call.engine().memory();
  for (const Run& run : runs) {
    const Mapping* m = memory.table().find(run.range.begin);
    if (!m) continue;
    if (m->prot & PROT_EXEC) call.engine().code_gone(m->range);
    const bool write = call.replaying() || m->file->source == Source::stand_in;
    const GuestRange pages{GuestAddr{page_floor(run.range.begin.value)}, GuestAddr{page_ceil(run.range.end.value)}};
    const auto protect = [&](int prot) {
      raw_syscall(SYS_mprotect, pages.begin.value, pages.size(), static_cast<u64>(prot));
    };
    const bool open = write || !(m->prot & PROT_READ);
    if (open) protect(write ? PROT_READ | PROT_WRITE : PROT_READ);
    if (write && !call.replaying()) fill(*m, run);
    call.output(run.range.begin, run.range.size());
    if (open) protect(real_prot(m->prot));
  }
}

/// Where mappings are the file itself, only translations are not.
void drop_changed_code(Engine& engine, const FileChange& change) {
  for (const auto& [first, m] : engine.memory().table().all())
    if (m.prot & PROT_EXEC && shows(m, change.dev, change.ino)) engine.code_gone(m.range);
}

/// What other processes wrote to memory that they share with the guest, at the calls that may have waited for them.
void mirror_shared_memory(Syscall& call) {
  const auto* row = find_row(call.number());
  const bool to_disk = writes_to_disk(call.number());
  if (!row || !(row->blocks || to_disk)) return;
  GuestMemory& memory = call.engine().memory();
  std::vector<Run> runs;
  std::vector<FileSources::FileSize> sizes;
  if (!call.replaying()) {
    sizes = memory.sources().size_changes();
    find_tails(memory, sizes, runs);
    if (to_disk) find_all_tails(memory, runs);
    auto& turn = guest_engine(call).tree().turn();
    for (const GuestRange range : memory.shared_changes(turn.changes_due())) runs.push_back({range});
    turn.changes_found();
  }
  logged_values(call, sizes);
  memory.sources().set_sizes(sizes);
  logged_values(call, runs);
  apply_runs(call, runs, [](const Mapping&, const Run&) {});
}

}  // namespace

bool changes_regular_file(const Syscall& call) {
  const auto* row = writer_of(call.number());
  if (row == nullptr || call.number() == SYS_splice) return false;  // it may wait for a pipe
  struct stat st {};
  i64 known = -ENOENT;
  if (row->place == Place::opened) {
    const bool relative = call.number() == SYS_openat || call.number() == SYS_openat2;
    u64 flags = O_TRUNC;  // creat
    if (call.number() == SYS_open) flags = call.arg(1);
    if (call.number() == SYS_openat) flags = call.arg(2);
    if (call.number() == SYS_openat2 && !call.get(flags, call.addr(2))) return false;
    std::string path;
    if ((flags & O_TRUNC) == 0 || !call.get_string(path, call.addr(relative ? 1 : 0))) return false;
    known = raw_syscall(SYS_newfstatat, relative ? call.arg(0) : static_cast<u64>(AT_FDCWD),
                        reinterpret_cast<u64>(path.c_str()), reinterpret_cast<u64>(&st), 0);
  } else if (row->place != Place::path) {
    known = raw_syscall(SYS_fstat, static_cast<u64>(static_cast<i32>(call.arg(row->fd))), reinterpret_cast<u64>(&st));
  }
  return known == 0 && S_ISREG(st.st_mode);
}

void mirror_file_changes(Syscall& call, i64 result) {
  const bool running = call.mode() == Mode::run;
  if (call.engine().memory().shares_memory() && !running) mirror_shared_memory(call);
  if (is_error(result)) return;
  const auto* row = writer_of(call.number());
  if (row == nullptr) return;
  std::string path;
  if (row->place == Place::path && !call.get_string(path, call.addr(0))) return;
  FileChange change;
  if (!call.replaying()) change = find_change(call, *row, result, path);
  call.value(&change, sizeof change);
  if (change.dev == 0) return;

  GuestMemory& memory = call.engine().memory();
  if (running) return drop_changed_code(call.engine(), change);
  ChangedFile file{.path = path};
  if (row->place != Place::path)
    file.fd = static_cast<i32>(row->place == Place::opened ? static_cast<u64>(result) : call.arg(row->fd));
  follow_end(call, change, file);
  const std::vector<FileSources::FileSize> size{{change.dev, change.ino, change.file_size}};
  std::vector<Run> runs;
  if (!call.replaying()) {
    runs = find_runs(memory, change, file);
    find_tails(memory, size, runs);
    // On tmpfs also where it is as long as before.
    const bool truncates = row->place == Place::size || row->place == Place::opened || row->place == Place::path;
    if (truncates) find_tail(memory, change.dev, change.ino, change.file_size, runs);
  }
  memory.sources().set_sizes(size);
  logged_values(call, runs);
  apply_runs(call, runs, [&](const Mapping&, const Run& run) {
    u8* to = run.range.begin.ptr<u8>();
    const i64 got = read_file_now(memory, file, change, to, run.range.size(), run.offset);
    const u64 there = static_cast<u64>(std::max(got, i64{0}));
    std::memset(to + there, 0, run.range.size() - there);
  });
}

void mirror_grown_memory(Syscall& call, GuestRange range) {
  if (call.mode() == Mode::run) return;
  std::vector<Run> runs;
  for (const auto& m : call.engine().memory().table().in(range)) {
    const bool copied = m.file && m.file->source == Source::shared && m.file->size > FileSources::copied_whole;
    if (is_shared_memory(m) || copied) runs.push_back({m.range, m.offset});
  }
  apply_runs(call, runs, [](const Mapping&, const Run&) {});
}

void mirror_mapped_end(Syscall& call, const MappedFile& file) {
  if (call.mode() == Mode::run || file.source != Source::shared) return;
  std::vector<Run> runs;
  find_tail(call.engine().memory(), file.dev, file.ino, file.size, runs);
  apply_runs(call, runs, [](const Mapping&, const Run&) {});
}

void mirror_dropped_pages(Syscall& call, GuestRange range) {
  GuestMemory& memory = call.engine().memory();
  if (!memory.mirrors_files() || call.mode() == Mode::run) return;
  std::vector<Run> runs;
  if (!call.replaying()) {
    for (const auto& m : memory.table().in(range)) {
      if (!m.file || m.file->source != Source::stand_in || !(m.flags & MAP_PRIVATE)) continue;
      for (u64 at = 0; at < m.range.size(); at += page_size)
        if (memory.sources().written(m.file->dev, m.file->ino, m.offset + at))
          runs.push_back({guest_range(m.range.begin + at, page_size), m.offset + at});
    }
  }
  logged_values(call, runs);
  apply_runs(call, runs, [&](const Mapping& m, const Run& run) {
    const auto* page = memory.sources().written(m.file->dev, m.file->ino, run.offset);
    std::memcpy(run.range.begin.ptr(), page->data(), page_size);
    memory.sources().carried_pages().insert(run.range.begin);
  });
}

}  // namespace fred
