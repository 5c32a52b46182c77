#include "core/translate/code_pages.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {
constexpr u32 faults_until_checked = 16;
}

bool CodePages::fetchable(u64 page) {
  const auto* mapping = memory_.table().find(GuestAddr{page});
  if (mapping == nullptr || mapping->owner != Owner::guest || (mapping->prot & PROT_EXEC) == 0) return false;
  return guest_readable(GuestAddr{page}, 1) == 1;  // beyond the end of a file it is not
}

bool CodePages::checked(u64 page) {
  const auto* mapping = memory_.table().find(GuestAddr{page});
  if (mapping == nullptr) return false;
  auto& state = pages_[page];
  if (state.state == State::checked) return true;
  const bool shared = (mapping->flags & MAP_SHARED) != 0;  // another mapping of it may be written
  const bool stack = (mapping->flags & MAP_GROWSDOWN) != 0 ||
                     memory_.names().stack.value - mapping->range.begin.value < mapping->range.size();
  if (!shared && !(stack && (mapping->prot & PROT_WRITE) != 0)) return false;
  if (state.state == State::guarded) unguard(page, state);
  state.state = State::checked;
  return true;
}

bool CodePages::light_syscall(GuestAddr pc) {
  const auto* mapping = memory_.table().find(pc);
  return mapping != nullptr && mapping->name == "[vdso]";
}

void CodePages::translated(u64 page) {
  auto& state = pages_[page];
  if (state.state != State::plain) return;
  const auto* mapping = memory_.table().find(GuestAddr{page});
  if (mapping == nullptr || (mapping->prot & PROT_WRITE) == 0) return;
  raw_syscall(SYS_mprotect, page, page_size, PROT_READ);
  state.state = State::guarded;
}

void CodePages::remember_source(BlockId block, GuestRange range) {
  std::vector<u8> bytes(range.size());
  if (!guest_read(bytes.data(), range.begin, bytes.size())) bytes.clear();
  sources_[static_cast<u32>(block)] = {range.begin, std::move(bytes)};
}

bool CodePages::still_as_translated(BlockId block) {
  const auto found = sources_.find(static_cast<u32>(block));
  if (found == sources_.end()) return false;
  const auto& [at, bytes] = found->second;
  return std::memcmp(at.ptr(), bytes.data(), bytes.size()) == 0;
}

void CodePages::unguard(u64 page, Page& state) {
  const auto* mapping = memory_.table().find(GuestAddr{page});
  if (mapping != nullptr) raw_syscall(SYS_mprotect, page, page_size, static_cast<u64>(real_prot(mapping->prot)));
  state.state = State::plain;
}

int CodePages::real_protection(u64 page) const {
  const auto found = pages_.find(page);
  if (found != pages_.end() && found->second.state == State::guarded) return PROT_READ;
  const auto* mapping = memory_.table().find(GuestAddr{page});
  return mapping != nullptr ? real_prot(mapping->prot) : PROT_NONE;
}

void CodePages::forget(GuestRange range) {
  if (pages_.empty()) return;
  const u64 first = page_floor(range.begin.value), last = page_ceil(range.end.value);
  std::vector<u64> hit;
  if ((last - first) / page_size <= pages_.size()) {
    for (u64 page = first; page < last; page += page_size) {
      if (pages_.contains(page)) hit.push_back(page);
    }
  } else {
    for (const auto& [page, state] : pages_) {
      if (page >= first && page < last) hit.push_back(page);
    }
  }
  if (hit.empty()) return;
  for (const u64 page : hit) {
    auto& state = pages_[page];
    if (state.state == State::guarded) unguard(page, state);
    pages_.erase(page);
  }
  cache_->invalidate(range);
}

void CodePages::forget_all() {
  pages_.clear();
  sources_.clear();
  cache_->clear();
}

void CodePages::open(GuestRange range) {
  if (pages_.empty() || range.empty()) return;
  for (u64 page = page_floor(range.begin.value); page < range.end.value; page += page_size) {
    const auto found = pages_.find(page);
    if (found == pages_.end() || found->second.state != State::guarded) continue;
    cache_->invalidate(guest_range(GuestAddr{page}, page_size));
    unguard(page, found->second);
  }
}

bool CodePages::write_fault(GuestAddr address) {
  const u64 page = page_floor(address.value);
  const auto found = pages_.find(page);
  if (found == pages_.end() || found->second.state != State::guarded) return false;
  ++fault_count_;
  cache_->invalidate(guest_range(GuestAddr{page}, page_size));
  unguard(page, found->second);
  if (++found->second.faults >= faults_until_checked) {
    LOG_INFO(translate, "page {:#x}: {} write faults, its blocks are checked from now on", page, found->second.faults);
    found->second.state = State::checked;
  }
  return true;
}

}  // namespace fred
