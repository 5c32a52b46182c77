// A change of a mapped file, and what of the guest's memory shows it.
#pragma once
#include <string>
#include <vector>

#include "core/memory/guest_memory.h"
#include "core/syscalls/syscall.h"

namespace fred {

struct FileChange {
  u64 dev = 0, ino = 0;
  u64 begin = 0, end = 0;  // bytes written; equal: only the size changed
  u64 file_size = 0;
};

/// Where the changed file can be read.
struct ChangedFile {
  int fd = -1;
  std::string path;  // if there is no descriptor
};

/// Bytes of a mapping to be given the file's, decided in live.
struct Run {
  GuestRange range;
  u64 offset = 0;  // in the file
};

/// The address of that place in the file, which the mapping has.
inline GuestAddr place_of(const Mapping& m, u64 offset) { return m.range.begin + (offset - m.offset); }
inline bool has(const Mapping& m, u64 offset) { return m.offset <= offset && offset < m.offset + m.range.size(); }

// Where files end (mem_file_ends.cpp). -----------------------------------------------------------------

/// The bytes behind this place in its page, which no size of the file covered. A disk's file system makes them
/// zeros where it is longer, or written to the disk; a re-execution's memory would keep them.
void find_tail(GuestMemory& memory, u64 dev, u64 ino, u64 from, std::vector<Run>& runs);
/// Live: what files that have become longer since their sizes were known have where they ended.
void find_tails(GuestMemory& memory, const std::vector<FileSources::FileSize>& sizes, std::vector<Run>& runs);
/// Live: what all files have where they end: for a call that writes them to the disk.
bool writes_to_disk(u64 call);
void find_all_tails(GuestMemory& memory, std::vector<Run>& runs);
/// Every mode: private mappings of a file end where it ends now.
void follow_end(Syscall& call, const FileChange& change, const ChangedFile& file);

}  // namespace fred
