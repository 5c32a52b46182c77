#include "core/memory/shared_shadow.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {

/// Calls `page` for each page of the range that exists: looking at one that does not would make it. The kernel may have
/// one in a large page that reaches beyond the end of the file: there is nothing for the guest.
template <class Function>
void for_each_page(GuestRange range, Function&& page) {
  for_each_batch(range, [&](GuestAddr at, std::span<const u8> there) {
    for (const u8 is : there) {
      if (is & 1 && guest_readable(at, 1) != 0) page(at);
      at = at + page_size;
    }
  });
}

}  // namespace

bool is_object(const MappedFile& file) { return file.source == Source::guest_file || file.source == Source::shared; }

bool is_shared_memory(const Mapping& m) {
  return m.owner == Owner::guest && m.flags & MAP_SHARED && !(m.traits & (trait_private_yet | trait_foreign)) &&
         m.file && is_object(*m.file);
}

bool is_shared_file(const Mapping& m) { return is_shared_memory(m) && m.file->source == Source::shared; }

bool SharedShadow::follow(const Mapping& m) {
  u64 total = m.range.size();
  for (const GuestRange have : followed_) total += have.size();
  if (total > most) return false;
  std::vector<GuestRange> ignored;
  const ReadableMemory open(m.range, real_prot(m.prot));
  compare(m.range, ignored);
  followed_.push_back(m.range);
  return true;
}

void SharedShadow::take_over(GuestRange range, const std::function<PagePointer(GuestAddr)>& known) {
  for (GuestAddr page = range.begin; page < range.end; page = page + page_size) {
    if (auto bytes = known(page))
      known_[page] = std::move(bytes);
    else
      known_.erase(page);
  }
  followed_.push_back(range);
}

void SharedShadow::compare(GuestRange range, std::vector<GuestRange>& changed) {
  const auto compare_page = [&](GuestAddr page) {
    const auto known = known_.find(page);
    const auto differs = difference(page, known == known_.end() ? nullptr : known->second.get());
    if (!differs) return;
    changed.push_back(*differs);
    auto& kept = known == known_.end() ? known_[page] : known->second;
    if (!kept) kept = std::make_unique<PageBytes>();
    std::memcpy(kept->data(), page.ptr(), page_size);
  };
  // What was something and does not exist now may be zeros, or lie beyond the end of its file.
  auto next = known_.lower_bound(range.begin);
  const auto gone_before = [&](GuestAddr end) {
    while (next != known_.end() && next->first < end) {
      const GuestAddr page = next->first;
      PageBytes now;
      ++next;
      if (guest_read(now.data(), page, page_size))
        compare_page(page);
      else
        known_.erase(page);
    }
  };
  for_each_page(range, [&](GuestAddr page) {
    gone_before(page);
    if (next != known_.end() && next->first == page) ++next;
    compare_page(page);
  });
  gone_before(range.end);
}

std::vector<GuestRange> SharedShadow::look(const AddressMap& table, bool files, bool all_of_files) {
  std::vector<GuestRange> changed, still, ignored;
  for (const GuestRange range : followed_) {
    for (const auto& m : table.in(range)) {
      if (!is_shared_memory(m)) continue;
      still.push_back(m.range);
      const bool file = is_shared_file(m), whole = file && all_of_files;
      if (file && !files) continue;
      const ReadableMemory open(m.range, real_prot(m.prot));
      compare(m.range, whole ? ignored : changed);
      if (whole) for_each_page(m.range, [&](GuestAddr page) { changed.push_back(guest_range(page, page_size)); });
    }
  }
  followed_ = std::move(still);
  return changed;
}

void SharedShadow::leave(GuestRange range, std::vector<GuestRange>& unknown) {
  const bool known = files_known_ && std::ranges::any_of(followed_, [&](GuestRange f) {
                       return f.begin <= range.begin && range.end <= f.end;
                     });
  // Pages that are zeros are in neither, or differ.
  for (GuestAddr page = range.begin; page < range.end; page = page + page_size) {
    const auto before = known_.find(page);
    const auto* was = before == known_.end() ? nullptr : before->second.get();
    if (!known || difference(page, was)) unknown.push_back(guest_range(page, page_size));
    if (before != known_.end()) known_.erase(before);
  }
  std::vector<GuestRange> left;
  for (const auto& f : followed_) {
    if (const GuestRange low{f.begin, std::min(f.end, range.begin)}; low.begin < low.end) left.push_back(low);
    if (const GuestRange high{std::max(f.begin, range.end), f.end}; high.begin < high.end) left.push_back(high);
  }
  followed_ = std::move(left);
}

void SharedShadow::refresh(const AddressMap& table, bool files) {
  (void)look(table, files, false);
  files_known_ = files;
}

std::vector<GuestRange> SharedShadow::changes(const AddressMap& table, bool files) {
  auto changed = look(table, files, !files_known_);
  if (files) files_known_ = true;
  return changed;
}

}  // namespace fred
