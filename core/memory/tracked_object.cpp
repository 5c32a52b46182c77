#include "core/memory/tracked_object.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {
constexpr u8 patience = 8;        // turns without a change
constexpr u64 small = 4;          // pages: comparing is cheaper than faults, and nothing is closed
constexpr u64 longest_open = 64;  // pages opened by one fault, where faults come one behind the other
constexpr u64 most_runs = 4096;   // of open pages: each costs the kernel a mapping

bool is_writable(const ObjectPlace& place) { return (place.prot & PROT_WRITE) != 0; }
}  // namespace

bool TrackedObject::never_closed() const { return pages_.size() <= small || aliased_; }

const ObjectPlace* TrackedObject::place_of(u64 page) const {
  const auto behind = std::ranges::upper_bound(places_, page, {}, &ObjectPlace::first);
  if (behind == places_.begin()) return nullptr;
  const auto& place = *std::prev(behind);
  return page < place.end() ? &place : nullptr;
}

bool TrackedObject::protect(const ObjectPlace& place, u64 first, u64 end, int prot) const {
  if (!is_writable(place)) return true;
  const u64 size = (end - first) * page_size;
  return raw_syscall(SYS_mprotect, place.address(first).value, size, static_cast<u64>(prot)) == 0;
}

u64 TrackedObject::runs_made_by(u64 page) const {
  const bool below = page > 0 && pages_[page - 1].open, above = page + 1 < pages_.size() && pages_[page + 1].open;
  return below && above ? ~u64{0} : below || above ? 0 : 1;
}

void TrackedObject::mark_open(u64 page) {
  auto& state = pages_[page];
  if (state.open) return;
  state.open = true;
  state.unchanged = 0;
  open_.push_back(page);
  runs_ += runs_made_by(page);
}

/// The caller takes it out of open_.
void TrackedObject::mark_closed(u64 page) {
  auto& state = pages_[page];
  if (!state.open) return;
  state.open = false;
  runs_ -= runs_made_by(page);
}

void TrackedObject::map(std::vector<ObjectPlace> places) {
  places_ = std::move(places);
  std::ranges::sort(places_, {}, &ObjectPlace::first);
  u64 size = pages_.size();
  for (const auto& place : places_) size = std::max(size, place.end());
  pages_.resize(size);
  known_.resize(size);
  open_.reserve(size);
  std::vector<bool> mapped(size);
  aliased_ = false;
  for (const auto& place : places_) {
    for (u64 page = place.first; page < place.end(); ++page) {
      aliased_ |= mapped[page];
      mapped[page] = true;
    }
  }
  std::vector<bool> found(size);  // only now
  for (u64 page = 0; page < size; ++page) {
    auto& state = pages_[page];
    found[page] = mapped[page] && !state.mapped;
    state.mapped = mapped[page];
    if (!state.mapped) {
      mark_closed(page);
      known_[page].reset();
    } else if (found[page] && !newborn_) {
      state.written = true;
      mark_open(page);
    }
  }
  std::erase_if(open_, [&](u64 page) { return !pages_[page].open; });
  if (newborn_) {
    for_each_existing([&](const ObjectPlace& place, u64 page) {
      if (found[page]) take_change(place, page);
    });
    all_open_ = !open_.empty();
  }
  if (never_closed() || all_open_) return open_all();
  if (newborn_) close_all();
}

void TrackedObject::close_all() {
  for (const auto& place : places_) {
    if (!protect(place, place.first, place.end(), PROT_READ)) return open_all();
  }
  for (const u64 page : open_) pages_[page].open = false;
  open_.clear();
  runs_ = 0;
  all_open_ = false;
}

void TrackedObject::open_all() {
  for (const auto& place : places_) {
    const bool open = protect(place, place.first, place.end(), place.prot);
    FRED_CHECK(open, "no memory for opening shared memory at {:#x}", place.range.begin.value);
  }
  all_open_ = true;
}

/// Pages of one place that are closed.
void TrackedObject::open_run(const ObjectPlace& place, u64 first, u64 end) {
  if (runs_ >= most_runs || !protect(place, first, end, place.prot)) return open_all();
  for (u64 page = first; page < end; ++page) mark_open(page);
}

bool TrackedObject::write_fault(const ObjectPlace& place, u64 page) {
  if (all_open_ || !is_writable(place) || pages_[page].open) return false;
  ++faults_;
  opened_ = opened_ != 0 && page == next_fault_ ? std::min(opened_ * 2, longest_open) : 1;
  u64 end = page + 1;
  while (end < page + opened_ && end < place.end() && !pages_[end].open) ++end;
  next_fault_ = end;
  open_run(place, page, end);
  return true;
}

void TrackedObject::open(const ObjectPlace& place, GuestRange range) {
  const u64 begin = std::max(range.begin, place.range.begin) - place.range.begin;
  const u64 end = std::min(range.end, place.range.end) - place.range.begin;
  const u64 last = place.first + page_ceil(end) / page_size;
  for (u64 page = place.first + begin / page_size; page < last && !all_open_;) {
    u64 behind = page;
    while (behind < last && !pages_[behind].open) ++behind;
    if (behind > page) open_run(place, page, behind);
    page = behind + 1;
  }
}

std::optional<GuestRange> TrackedObject::take_change(const ObjectPlace& place, u64 page) {
  const GuestAddr at = place.address(page);
  ++compared_;
  if (guest_readable(at, 1) == 0) return std::nullopt;  // beyond the end of the object
  auto& known = known_[page];
  const auto differs = difference(at, known.get());
  if (!differs) return std::nullopt;
  if (!known) known = std::make_unique<PageBytes>();
  std::memcpy(known->data(), at.ptr(), page_size);
  return differs;
}

/// What is known of a page keeps it in view, even if it is no more.
template <class Function>
void TrackedObject::for_each_existing(Function&& look) {
  for (const auto& place : places_) {
    const ReadableMemory open(place.range, place.prot);
    for_each_batch(place.range, [&](GuestAddr at, std::span<const u8> there) {
      u64 page = place.first + (at - place.range.begin) / page_size;
      for (const u8 is : there) {
        if (is & 1 || known_[page] || pages_[page].written) look(place, page);
        ++page;
      }
    });
  }
}

void TrackedObject::settle_page(const ObjectPlace& place, u64 page, PageJournal& journal) {
  auto& state = pages_[page];
  const bool changed = take_change(place, page).has_value();
  if (changed || std::exchange(state.written, false)) {
    state.written = false;
    state.unchanged = 0;
    journal.add({.object = id_, .page = page});
  } else if (state.unchanged < patience) {
    ++state.unchanged;
  }
}

void TrackedObject::settle_all(PageJournal& journal) {
  for_each_existing([&](const ObjectPlace& place, u64 page) { settle_page(place, page, journal); });
  if (!never_closed()) close_all();
}

void TrackedObject::settle(PageJournal& journal) {
  newborn_ = false;
  if (all_open_) return settle_all(journal);
  std::vector<u64> unchanged;
  for (const u64 page : open_) {
    const auto* place = place_of(page);
    const ReadableMemory open(guest_range(place->address(page), page_size), place->prot);
    settle_page(*place, page, journal);
    if (pages_[page].unchanged >= patience) unchanged.push_back(page);
  }
  if (!unchanged.empty()) close(unchanged);
}

void TrackedObject::close(std::vector<u64>& pages) {
  std::ranges::sort(pages);
  for (auto first = pages.begin(); first != pages.end();) {
    const auto* place = place_of(*first);
    auto end = first + 1;
    while (end != pages.end() && *end == *std::prev(end) + 1 && *end < place->end()) ++end;
    if (protect(*place, *first, *std::prev(end) + 1, PROT_READ))
      std::for_each(first, end, [&](u64 p) { mark_closed(p); });
    first = end;
  }
  std::erase_if(open_, [&](u64 page) { return !pages_[page].open; });
}

void TrackedObject::absorb(u64 page, std::vector<GuestRange>& changed) {
  if (page >= pages_.size() || !pages_[page].mapped) return;
  const auto* place = place_of(page);
  const ReadableMemory open(guest_range(place->address(page), page_size), place->prot);
  if (const auto change = take_change(*place, page)) changed.push_back(*change);
}

void TrackedObject::absorb_all(std::vector<GuestRange>& changed) {
  for_each_existing([&](const ObjectPlace& place, u64 page) {
    if (const auto change = take_change(place, page)) changed.push_back(*change);
  });
}

void TrackedObject::give_to(SharedShadow& shadow) {
  open_all();
  for (const auto& place : places_) {
    shadow.take_over(place.range, [&](GuestAddr at) -> SharedShadow::PagePointer {
      auto& known = known_[place.first + (at - place.range.begin) / page_size];
      if (aliased_ && known) return std::make_unique<PageBytes>(*known);
      return std::move(known);
    });
  }
}

}  // namespace fred
