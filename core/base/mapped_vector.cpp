#include "core/base/mapped_vector.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace fred {

namespace {
constexpr u64 first_mapping = u64{256} << 10;
/// So much more than was asked for, or an eighth of what is there already.
constexpr u64 least_ahead = u64{32} << 10, most_ahead = u64{1} << 20;
}  // namespace

u64 populate_ahead(u64 from, u64 to, u64 mapping_end) {
  const u64 end = std::min(page_ceil(to), mapping_end);
  (void)madvise(reinterpret_cast<void*>(from), end - from, MADV_POPULATE_WRITE);
  return end;
}

MappedBytes::~MappedBytes() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

MappedBytes::MappedBytes(MappedBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      mapped_(std::exchange(other.mapped_, 0)),
      provided_(std::exchange(other.provided_, 0)) {}

MappedBytes& MappedBytes::operator=(MappedBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(mapped_, other.mapped_);
  std::swap(provided_, other.provided_);
  return *this;
}

void MappedBytes::grow(u64 size) {
  const u64 ahead = size + std::clamp(size / 8, least_ahead, most_ahead);
  if (ahead > mapped_) {
    const u64 to = std::max(first_mapping, page_ceil(ahead * 2));
    void* at = data_ != nullptr
                   ? mremap(data_, mapped_, to, MREMAP_MAYMOVE)
                   : mmap(nullptr, to, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    FRED_CHECK(at != MAP_FAILED, "no memory for a table of {} bytes", size);
    data_ = static_cast<u8*>(at);
    mapped_ = to;
  }
  const u64 base = reinterpret_cast<u64>(data_);
  provided_ = populate_ahead(base + provided_, base + ahead, base + mapped_) - base;
}

}  // namespace fred
