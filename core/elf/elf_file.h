// The headers of an ELF file: what there is to load, checked before anything is torn down for it.
#pragma once
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

/// A PT_LOAD segment, as in the file.
struct ElfSegment {
  u64 vaddr = 0, file_size = 0, memory_size = 0;
  FileOffset offset{};
  u64 align = page_size;  // a power of two, at least a page
  int prot = 0;           // PROT_*
};

struct ElfFile {
  bool position_independent = false;
  u64 entry = 0;
  u64 headers_vaddr = 0;  // where the program headers lie in memory; 0 if no segment has them
  u16 header_count = 0;
  std::vector<ElfSegment> segments;  // ascending, at least one
  std::string interpreter;           // empty: none
  bool exec_stack = false;           // PT_GNU_STACK asks for it
  /// From the first page to the end of the last segment, page-aligned.
  u64 first_page() const { return page_floor(segments.front().vaddr); }
  u64 span() const;
  u64 largest_align() const;
};

/// Reads and checks the headers. Errors carry the errno of execve (ENOEXEC; EIO) and one line that says what
/// is wrong with `path`.
Result<ElfFile> read_elf(int fd, const std::string& path);

}  // namespace fred
