// Looking at memory that is shared, without making what is not there.
#pragma once
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"

namespace fred {

using PageBytes = std::array<u8, page_size>;

/// Calls `batch` with the address of a first page and, for each from there on, whether it exists (bit 0).
template <class Function>
void for_each_batch(GuestRange range, Function&& batch) {
  std::array<u8, 1024> there;
  for (GuestAddr at = range.begin; at < range.end;) {
    const u64 pages = std::min(u64{there.size()}, (range.end - at) / page_size);
    const u64 size = pages * page_size;
    if (raw_syscall(SYS_mincore, at.value, size, reinterpret_cast<u64>(there.data())) == 0)
      batch(at, std::span<const u8>(there.data(), pages));
    at = at + size;
  }
}

/// Opens what the guest may not read, for as long as this exists: it is to be known when the guest may.
class ReadableMemory {
 public:
  /// `prot`: what it really has.
  ReadableMemory(GuestRange range, int prot) : range_(range), prot_(prot) {
    if (closed()) protect(PROT_READ);
  }
  ~ReadableMemory() {
    if (closed()) protect(prot_);
  }
  ReadableMemory(const ReadableMemory&) = delete;
  ReadableMemory& operator=(const ReadableMemory&) = delete;

 private:
  bool closed() const { return (prot_ & (PROT_READ | PROT_WRITE)) == 0; }
  void protect(int prot) const { raw_syscall(SYS_mprotect, range_.begin.value, range_.size(), static_cast<u64>(prot)); }
  GuestRange range_;
  int prot_;
};

/// Where the page differs from what it was before (null: zeros), from the first such byte to the last.
inline std::optional<GuestRange> difference(GuestAddr page, const PageBytes* before) {
  static constexpr PageBytes zeros{};
  const u8* now = page.ptr<const u8>();
  const u8* was = before != nullptr ? before->data() : zeros.data();
  if (std::memcmp(was, now, page_size) == 0) return std::nullopt;
  const auto first = std::mismatch(was, was + page_size, now).first - was;
  auto last = static_cast<i64>(page_size);
  while (was[last - 1] == now[last - 1]) --last;
  return GuestRange{page + static_cast<u64>(first), page + static_cast<u64>(last)};
}

}  // namespace fred
