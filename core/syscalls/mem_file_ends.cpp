// Where mapped files end, and what lies in their last pages behind that.
#include <sys/syscall.h>

#include <algorithm>

#include "core/memory/bytes.h"
#include "core/memory/shared_shadow.h"
#include "core/syscalls/mem_file_change.h"
#include "core/syscalls/memory.h"

namespace fred {

bool writes_to_disk(u64 number) {
  constexpr u64 calls[] = {SYS_fsync, SYS_fdatasync, SYS_msync, SYS_sync, SYS_syncfs, SYS_sync_file_range};
  return std::ranges::find(calls, number) != std::end(calls);
}

void find_tail(GuestMemory& memory, u64 dev, u64 ino, u64 from, std::vector<Run>& runs) {
  if (from % page_size == 0) return;
  for (const auto& [first, m] : memory.table().all()) {
    if (!is_shared_file(m) || m.file->dev != dev || m.file->ino != ino || !has(m, from)) continue;
    runs.push_back({guest_range(place_of(m, from), page_ceil(from) - from), from});
    return;  // it is one memory, wherever it is mapped
  }
}

void find_tails(GuestMemory& memory, const std::vector<FileSources::FileSize>& sizes, std::vector<Run>& runs) {
  for (const auto& now : sizes) {
    const auto before = memory.sources().known_size(now.dev, now.ino);
    if (before && *before < now.size) find_tail(memory, now.dev, now.ino, *before, runs);
  }
}

void find_all_tails(GuestMemory& memory, std::vector<Run>& runs) {
  for (const auto& [first, m] : memory.table().all()) {
    if (!is_shared_file(m)) continue;
    if (const auto size = memory.sources().size_of(m.file->dev, m.file->ino))
      find_tail(memory, m.file->dev, m.file->ino, *size, runs);
  }
}

void follow_end(Syscall& call, const FileChange& change, const ChangedFile& file) {
  GuestMemory& memory = call.engine().memory();
  const auto differs = memory.resizes_stand_in(change.dev, change.ino, change.file_size);
  if (!differs) return;
  std::vector<u8> bytes;
  if (!call.replaying()) {
    const u64 from = std::min(differs->file->size, change.file_size);
    if (const auto now = memory.sources().resized(*differs->file, file.fd, file.path, from)) {
      ByteWriter w;
      now->write(w);
      bytes = w.take();
    }
  }
  logged_values(call, bytes);
  if (bytes.empty()) return;
  MappedFile now;
  ByteReader r(bytes);
  now.read(r);
  memory.resize_stand_ins(now);
}

}  // namespace fred
