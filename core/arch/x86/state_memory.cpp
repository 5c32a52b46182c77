#include "core/arch/x86/state_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/check.h"

namespace fred {

namespace {

/// Above what the kernel keeps unmapped (vm.mmap_min_addr is at most 64 KiB), below the usual base of non-PIE images;
/// then other places below 2 GiB.
constexpr u64 places[] = {0x10000, 0x7ff00000, 0x78000000, 0x30000000};

void* shared_page() { return mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); }

/// The page at `from` appears at `at` too: what mremap does with a shared mapping whose old size is 0.
void duplicate(void* from, void* at) {
  void* got = mremap(from, 0, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
  FRED_CHECK(got == at, "cannot map a view of the state window: {}", strerror(errno));
}

}  // namespace

StateMemory::StateMemory() {
  static_assert(offsetof(StateWindow, indirect_table) == page_size, "what emitted code writes lies in the first page");
  const u64 size = page_ceil(sizeof(LowWindow));
  for (const u64 place : places) {
    void* at = mmap(reinterpret_cast<void*>(place), size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == reinterpret_cast<void*>(place)) {
      low_ = static_cast<LowWindow*>(at);  // all zero, and what is not used takes no memory
      break;
    }
    if (at != MAP_FAILED) munmap(at, size);
  }
  FRED_CHECK(low_ != nullptr, "no place for the state window below 2 GiB");
  void* page = shared_page();
  FRED_CHECK(page != MAP_FAILED, "no memory for the state window");
  duplicate(page, low_);
  munmap(page, page_size);
  views_.push_back(low_);
}

bool StateMemory::has_place(std::span<const GuestRange> occupied) {
  return std::ranges::any_of(places, [&](u64 place) {
    const GuestRange wanted = guest_range(GuestAddr{place}, page_ceil(sizeof(LowWindow)));
    return std::ranges::none_of(occupied, [&](const GuestRange& range) { return range.overlaps(wanted); });
  });
}

void StateMemory::add_view(CacheAddr at) {
  duplicate(low_, at.ptr());
  views_.push_back(at.ptr());
}

Result<> StateMemory::prepare_fork() {
  copy_ = shared_page();
  if (copy_ == MAP_FAILED) return fail_errno(errno, "no memory for the state of a forked process");
  std::memcpy(copy_, low_, page_size);
  return {};
}

void StateMemory::forked_parent() { munmap(copy_, page_size); }

void StateMemory::forked_child() {
  for (void* view : views_) duplicate(copy_, view);
  munmap(copy_, page_size);
}

}  // namespace fred
