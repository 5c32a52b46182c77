// Memory across forks: what the guest shares with its children, and what a snapshot must not share with live.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "core/base/all_zero.h"
#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {

constexpr u64 chunk = 64 * page_size;

/// Copies a mapping's readable contents to where `offset` lies in `fd`, leaving out zero pages. Returns the end of
/// what was readable, or -errno.
i64 save_contents(GuestRange range, int fd, u64 offset) {
  const auto buffer = std::make_unique_for_overwrite<u8[]>(chunk);
  u64 readable_end = 0;
  const auto save = [&](GuestAddr at, u64 size) -> i64 {
    readable_end = offset + (at - range.begin) + size;
    for (u64 page = 0; page < size; page += page_size) {
      if (all_zero(buffer.get() + page, page_size)) continue;
      const i64 put = raw_syscall(SYS_pwrite64, static_cast<u64>(fd), reinterpret_cast<u64>(buffer.get() + page),
                                  page_size, offset + (at - range.begin) + page);
      if (put < 0) return put;
    }
    return 0;
  };
  for (GuestAddr at = range.begin; at < range.end;) {
    const u64 size = std::min(chunk, range.end - at);
    if (guest_read(buffer.get(), at, size)) {
      if (const i64 r = save(at, size); r < 0) return r;
    } else {
      for (GuestAddr page = at; page < at + size; page = page + page_size)
        if (guest_read(buffer.get(), page, page_size))
          if (const i64 r = save(page, page_size); r < 0) return r;
    }
    at = at + size;
  }
  return static_cast<i64>(readable_end);
}

/// Pieces of one object are put onto a new object that lives in `fd`.
i64 remap_pieces(const std::vector<Mapping>& pieces, int fd) {
  u64 end = 0;
  for (const auto& m : pieces) {
    raw_syscall(SYS_mprotect, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(m.prot)) | PROT_READ);
    const i64 readable = save_contents(m.range, fd, m.offset);
    if (readable < 0) return readable;
    end = std::max(end, static_cast<u64>(readable));
  }
  if (const i64 r = raw_syscall(SYS_ftruncate, static_cast<u64>(fd), end); r < 0) return r;
  for (const auto& m : pieces) {
    const i64 r = raw_syscall(SYS_mmap, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(m.prot)),
                              MAP_SHARED | MAP_FIXED, static_cast<u64>(fd), m.offset);
    if (is_error(r)) return r;
  }
  return 0;
}

/// Gives a memory file that size, and leaves what lies behind it in its last page.
void shorten(int fd, u64 size) {
  const u64 file = static_cast<u64>(fd), page = page_floor(size);
  std::array<u8, page_size> tail{};
  raw_syscall(SYS_pread64, file, reinterpret_cast<u64>(tail.data()), page_ceil(size) - size, size);
  raw_syscall(SYS_ftruncate, file, size);
  if (page == size || all_zero(tail.data(), page_size)) return;
  const i64 at = raw_syscall(SYS_mmap, 0, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, page);
  FRED_CHECK(!is_error(at), "no memory for the end of a file: errno {}", -at);
  std::memcpy(reinterpret_cast<u8*>(at) + (size - page), tail.data(), page_ceil(size) - size);
  raw_syscall(SYS_munmap, static_cast<u64>(at), page_size);
}

std::vector<Mapping> pieces_of(const AddressMap& table, const MappedFile& object) {
  std::vector<Mapping> pieces;
  for (const auto& [begin, m] : table.all())
    if (m.owner == Owner::guest && m.flags & MAP_SHARED && m.file && m.file->same_inode(object)) pieces.push_back(m);
  return pieces;
}

/// Is there anything but zeros, as far as can be told?
bool has_contents(GuestRange range) {
  const auto buffer = std::make_unique_for_overwrite<u8[]>(chunk);
  for (GuestAddr at = range.begin; at < range.end; at = at + chunk) {
    const u64 size = std::min(chunk, range.end - at);
    if (!guest_read(buffer.get(), at, size) || !all_zero(buffer.get(), size)) return true;
  }
  return false;
}

bool is_private_yet(const std::pair<const GuestAddr, Mapping>& entry) {
  return (entry.second.traits & trait_private_yet) != 0;
}

}  // namespace

i64 GuestMemory::make_really_shared(const Mapping& mapping) {
  const MappedFile object = *mapping.file;
  const i64 fd = raw_syscall(SYS_memfd_create, reinterpret_cast<u64>("fred"), MFD_CLOEXEC);
  if (fd < 0) return -ENOMEM;
  const UniqueFd closing{fd};
  const auto pieces = pieces_of(table_, object);
  if (const i64 r = remap_pieces(pieces, static_cast<int>(fd)); r < 0) return -ENOMEM;
  // The object is as large as the mapping was, not only as far as pieces of it remain.
  raw_syscall(SYS_ftruncate, static_cast<u64>(fd), object.size);
  ++shared_mappings_made_;
  for (const auto& m : pieces) {
    table_.update(m.range, [](Mapping& c) { c.traits = static_cast<u16>(c.traits & ~trait_private_yet); });
    if (engine_.mode() == Mode::record) follow_shared(m.range);
  }
  return 0;
}

i64 GuestMemory::keep_unmapped(GuestRange range) {
  const auto would_be_lost = [&](const Mapping& m) {
    if ((m.traits & trait_private_yet) == 0 || !has_contents(m.range)) return false;
    return std::ranges::any_of(pieces_of(table_, *m.file), [&](const Mapping& p) {
      return p.range.begin < range.begin || p.range.end > range.end;
    });
  };
  for (;;) {
    const auto mappings = table_.in(range);
    const auto lost = std::ranges::find_if(mappings, would_be_lost);
    if (lost == mappings.end()) return 0;
    if (const i64 r = make_really_shared(Mapping(*lost)); r < 0) return r;
  }
}

void GuestMemory::follow_shared(GuestRange range) {
  const auto mappings = table_.in(range);
  if (std::ranges::all_of(mappings, [&](const Mapping& m) { return shared_pages_.follow(m) || shadow_.follow(m); }))
    return;
  engine_.notice_once(0x73686172, fmt::format("{} MiB of shared memory are too much to be followed: where other "
                                              "processes write to it, a re-execution may diverge",
                                              range.size() >> 20));
}

std::vector<GuestRange> GuestMemory::shared_changes(bool files) {
  auto changed = shadow_.changes(table_, files);
  std::ranges::copy(shared_pages_.take_changes(), std::back_inserter(changed));
  return changed;
}

bool GuestMemory::shares_at_fork() const { return std::ranges::any_of(table_.all(), is_private_yet); }

GuestMemory::SharedForFork GuestMemory::share_for_fork(u64 most) {
  SharedForFork done;
  for (const auto& all = table_.all(); done.objects < most; ++done.objects) {
    const auto next = std::ranges::find_if(all, is_private_yet);
    if (next == all.end()) break;
    done.error = make_really_shared(Mapping(next->second));
    if (done.error < 0) break;
  }
  return done;
}

void GuestMemory::apply_fork_advice() {
  for (const auto& m : table_.in({GuestAddr{0}, GuestAddr{~u64{0}}})) {
    if (m.owner != Owner::guest) continue;
    if (m.traits & trait_dont_fork) {
      will_change(m.range);
      raw_syscall(SYS_munmap, m.range.begin.value, m.range.size());
      erase(m.range);
    } else if (m.traits & trait_wipe_on_fork) {
      will_change(m.range);
      raw_syscall(SYS_madvise, m.range.begin.value, m.range.size(), MADV_DONTNEED);
    }
  }
}

bool GuestMemory::is_really_shared() const {
  return std::ranges::any_of(table_.all(), [](const auto& entry) { return is_shared_memory(entry.second); });
}

i64 GuestMemory::detach_shared() {
  shared_pages_.forget();
  foreign_.drop_aliases();
  std::vector<MappedFile> objects;
  for (const auto& [begin, m] : table_.all()) {
    if (!is_shared_memory(m)) continue;
    const bool known =
        std::any_of(objects.begin(), objects.end(), [&](const auto& o) { return o.same_inode(*m.file); });
    if (!known) objects.push_back(*m.file);
  }
  for (const MappedFile& object : objects) {
    const i64 fd = raw_syscall(SYS_memfd_create, reinterpret_cast<u64>("fred"), MFD_CLOEXEC);
    if (fd < 0) return fd;
    UniqueFd kept{fd};
    std::vector<Mapping> pieces = pieces_of(table_, object);
    std::erase_if(pieces, [](const Mapping& m) { return !is_shared_memory(m); });
    auto size = sources_.size_of(object.dev, object.ino);
    // Memory without a file is as large as it was made, not only as far as pieces of it remain.
    if (!size && object.source == Source::guest_file) {
      size = 0;
      for (const auto& m : pieces) size = std::max(*size, page_ceil(m.file->size));
    }
    if (const i64 r = remap_pieces(pieces, kept.get()); r < 0) return r;
    if (size) shorten(kept.get(), *size);
    sources_.keep_object(object.dev, object.ino, std::move(kept));
  }
  return 0;
}

}  // namespace fred
