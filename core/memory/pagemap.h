// What the kernel says of single pages of this process (/proc/self/pagemap).
#pragma once
#include "core/base/types.h"
#include "core/memory/unique_fd.h"

namespace fred {

class Pagemap {
 public:
  Pagemap();
  /// Does the page exist? Anonymous memory that nobody has touched does not: it is zeros. True if nothing can be
  /// learnt.
  bool exists(u64 page) { return (entry(page) >> 62) != 0; }
  /// Is it certain that the page is one of a file (or of shared memory) as it is there?
  bool is_of_file(u64 page) { return entry(page) >> 62 == 0 || (entry(page) >> 61 & 5) == 5; }

 private:
  u64 entry(u64 page);

  static constexpr u64 unknown = u64{1} << 63;  // there, and a private one
  UniqueFd fd_;
  u64 first_ = 0, count_ = 0;
  u64 entries_[1024];
};

}  // namespace fred
