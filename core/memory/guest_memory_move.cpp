// mremap.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

/// One mapping of the guest's may be several of the kernel's: stand-ins are opened for each, and a worker's are cut
/// elsewhere than live's. The kernel refuses to move (or to enlarge) those as one, so they are moved in parts.
i64 real_remap(GuestRange from, GuestRange to, u64 flags) {
  const i64 moved = raw_syscall(SYS_mremap, from.begin.value, from.size(), to.size(), flags, to.begin.value);
  if (moved != -EFAULT || from.size() <= page_size) return moved;
  const u64 half = page_floor(from.size() / 2);
  const GuestRange first = guest_range(from.begin, half), first_to = guest_range(to.begin, half);
  if (const i64 r = real_remap(first, first_to, flags); is_error(r)) return r;
  const i64 rest = real_remap({first.end, from.end}, {first_to.end, to.end}, flags);
  if (!is_error(rest)) return static_cast<i64>(to.begin.value);
  real_remap(first_to, first, MREMAP_MAYMOVE | MREMAP_FIXED);
  return rest;
}

/// Newer kernels (6.17) move several mappings by one call.
bool kernel_moves_several() {
  static const bool known = [] {
    const i64 pages =
        raw_syscall(SYS_mmap, 0, 4 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, static_cast<u64>(-1), 0);
    if (is_error(pages)) return false;
    const GuestAddr at{static_cast<u64>(pages)};
    raw_syscall(SYS_mprotect, at.value, page_size, PROT_READ);
    const i64 moved = raw_syscall(SYS_mremap, at.value, 2 * page_size, 2 * page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
                                  (at + 2 * page_size).value);
    raw_syscall(SYS_munmap, at.value, 4 * page_size);
    return !is_error(moved);
  }();
  return known;
}

}  // namespace

void GuestMemory::follow_moved(GuestRange range) {
  if (engine_.mode() != Mode::record) return;
  for (const auto& m : table_.in(range))
    if (is_shared_memory(m)) follow_shared(m.range);
}

bool GuestMemory::growable_in_place(const Mapping& m, GuestAddr at, u64 more) const {
  if (at != m.range.end || at >= layout::stack_top || layout::stack_top - at < more) return false;
  return table_.is_free(guest_range(at, more));
}

i64 GuestMemory::move_to(const Mapping& m, GuestRange from, GuestRange to, u32 flags, const Verdict& verdict) {
  const bool keep_old = flags & MREMAP_DONTUNMAP;
  const u64 first = m.offset + (from.begin - m.range.begin);
  const bool foreign = (m.traits & trait_foreign) != 0;
  if (foreign && keep_old) return -EINVAL;
  will_change(from);
  const i64 got = verdict([&]() -> i64 {
    const bool replaying = engine_.mode() == Mode::replay;
    if (!replaying && to.size() > from.size() && m.file && m.file->source == Source::stand_in)
      if (const i64 r = sources_.extend(*m.file, first, to.size()); r < 0) return r;
    if (foreign)
      if (const i64 r = move_foreign(from, to); r < 0) return r;
    return real_remap(from, to, MREMAP_MAYMOVE | MREMAP_FIXED | (keep_old ? MREMAP_DONTUNMAP : 0));
  });
  if (is_error(got)) return got;
  Mapping moved = m;
  moved.range = to;
  moved.offset = first;
  if (!keep_old) table_.erase(from);
  if (moved.flags & MAP_GROWSDOWN) other_growing_ = true;
  table_.insert(std::move(moved));
  if (m.prot & PROT_EXEC) engine_.code_mapped(to);
  follow_moved(to);
  return static_cast<i64>(to.begin.value);
}

i64 GuestMemory::move_all(GuestRange from, GuestRange to, u32 flags, const Verdict& verdict) {
  const auto pieces = table_.in(from);
  const auto place_of = [&](const Mapping& piece) {
    const GuestAddr begin = to.begin + (piece.range.begin - from.begin);
    return GuestRange{begin, piece.range.end == from.end ? to.end : begin + piece.range.size()};
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const i64 moved = move_to(pieces[i], pieces[i].range, place_of(pieces[i]), flags, verdict);
    if (!is_error(moved)) continue;
    while (i-- > 0) {
      const GuestRange now = place_of(pieces[i]);
      (void)move_to(Mapping(*table_.find(now.begin)), now, pieces[i].range, 0, verdict);
    }
    return moved;
  }
  return static_cast<i64>(to.begin.value);
}

i64 GuestMemory::grow_in_place(GuestRange old, u64 new_size, const Verdict& verdict) {
  const Mapping last = *table_.find(old.end - 1);
  const GuestRange more{old.end, old.begin + new_size};
  will_change(last.range);
  const i64 got = verdict([&]() -> i64 {
    if (engine_.mode() != Mode::replay && last.file && last.file->source == Source::stand_in)
      if (const i64 r = sources_.extend(*last.file, last.offset + last.range.size(), more.size()); r < 0) return r;
    if ((last.traits & trait_foreign) != 0)
      if (const i64 r = move_foreign(last.range, {last.range.begin, more.end}); r < 0) return r;
    const GuestRange end{old.end - page_size, old.end};
    return real_remap(end, {end.begin, more.end}, 0);
  });
  if (is_error(got)) return got;
  Mapping grown = last;
  grown.offset += last.range.size();
  grown.range = more;
  table_.insert(std::move(grown));
  if (last.prot & PROT_EXEC) engine_.code_mapped(more);
  follow_moved(more);
  return static_cast<i64>(old.begin.value);
}

i64 GuestMemory::remap_several(GuestRange old, u32 flags, GuestAddr wanted, const Verdict& verdict) {
  // What natively the kernel decides: a worker's may be another one.
  const i64 may =
      verdict([&]() -> i64 { return engine_.mode() == Mode::replay || kernel_moves_several() ? 0 : -EFAULT; });
  if (is_error(may)) return may;
  const auto mappings = table_.in(old);
  for (auto m = mappings.begin(); m != mappings.end();) {
    const GuestAddr end = std::min(table_.end_of_one(m->range.begin), old.end), at = m->range.begin;
    if (m->owner == Owner::guest) {
      const i64 moved = remap(at, end - at, end - at, flags, wanted + (at - old.begin), verdict);
      if (is_error(moved)) return moved;
    }
    while (m != mappings.end() && m->range.begin < end) ++m;
  }
  return static_cast<i64>(wanted.value);
}

i64 GuestMemory::duplicate(const Mapping& m, GuestAddr at, GuestRange to, const Verdict& verdict) {
  const u64 first = m.offset + (at - m.range.begin);
  if (m.traits & trait_foreign) return -ENOMEM;
  if (m.traits & trait_private_yet)
    if (const i64 r = make_really_shared(m); r < 0) return r;
  shared_pages_.changing(m.range);
  const bool really_private = m.file && (m.file->source == Source::direct || m.file->source == Source::stand_in);
  const i64 got = verdict([&]() -> i64 {
    if (!really_private) return real_remap({at, at}, to, MREMAP_MAYMOVE | MREMAP_FIXED);
    if (engine_.mode() != Mode::replay && m.file->source == Source::stand_in)
      if (const i64 r = sources_.extend(*m.file, first, to.size()); r < 0) return r;
    const auto fd = sources_.open(*m.file);
    if (!fd) return -ENOMEM;
    return raw_syscall(SYS_mmap, to.begin.value, to.size(), static_cast<u64>(real_prot(m.prot)),
                       MAP_PRIVATE | MAP_FIXED_NOREPLACE, static_cast<u64>(fd->get()), first);
  });
  if (is_error(got)) return got;
  Mapping more = *table_.find(at);  // its traits may have changed just now
  more.range = to;
  more.offset = first;
  table_.insert(std::move(more));
  if (m.prot & PROT_EXEC) engine_.code_mapped(to);
  follow_moved(to);
  return static_cast<i64>(to.begin.value);
}

i64 GuestMemory::remap(GuestAddr old, u64 old_size, u64 new_size, u32 flags, GuestAddr wanted, const Verdict& verdict) {
  constexpr u32 known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  const bool fixed = flags & MREMAP_FIXED, keep_old = flags & MREMAP_DONTUNMAP, may_move = flags & MREMAP_MAYMOVE;
  if (flags & ~known || (fixed && !may_move) || (keep_old && !may_move)) return -EINVAL;
  if (old.value % page_size) return -EINVAL;
  old_size = page_ceil(old_size);
  new_size = page_ceil(new_size);
  if (keep_old && old_size != new_size) return -EINVAL;
  if (new_size == 0 || new_size > layout::task_size) return -EINVAL;
  const GuestRange wanted_range = guest_range(wanted, new_size);
  if (fixed || keep_old) {
    if (wanted.value % page_size || wanted.value > layout::task_size - new_size) return -EINVAL;
    if (guest_range(old, old_size).overlaps(wanted_range) || old.value + old_size < old.value) return -EINVAL;
  }
  refresh_growing({old, layout::stack_top});
  const Mapping* found = table_.find(old);
  if (!found || found->owner != Owner::guest) return -EFAULT;
  const u64 room = table_.end_of_one(old) - old;
  if (fixed && old_size == new_size && old_size > room)
    return remap_several(guest_range(old, old_size), flags, wanted, verdict);

  // What is wrong with the mapping is found before anything goes.
  if (old_size == 0 && (found->flags & MAP_PRIVATE || keep_old)) return -EINVAL;
  if (std::min(old_size, new_size) > room && (fixed || keep_old || old_size < new_size)) return -EFAULT;
  if (fixed || keep_old) {
    const GuestRange to = wanted_range;
    if (fixed) {
      if (is_engine(to)) return -ENOMEM;
      if (const i64 r = unmap(wanted, new_size, verdict); r < 0) return r;
    }
    if (old_size > new_size) {
      if (const i64 r = unmap(old + new_size, old_size - new_size, verdict); r < 0) return r;
      old_size = new_size;
    }
  } else if (old_size >= new_size) {
    if (old_size == new_size) return static_cast<i64>(old.value);
    const i64 r = unmap(old + new_size, old_size - new_size, verdict);
    return r < 0 ? r : static_cast<i64>(old.value);
  }

  found = table_.find(old);
  if (!found) return -EFAULT;
  // Beyond the end of what it was made as is SIGBUS, which private memory does not know.
  if (found->traits & trait_private_yet && found->offset + (old - found->range.begin) + new_size > found->file->size)
    if (const i64 r = make_really_shared(Mapping(*found)); r < 0) return r;
  const Mapping m = *table_.find(old);
  if (m.name == "[vdso]" && new_size > old_size) return -EFAULT;

  if (!fixed && !keep_old && old_size) {
    const GuestRange range = guest_range(old, old_size);
    if (growable_in_place(*table_.find(range.end - 1), range.end, new_size - old_size))
      return grow_in_place(range, new_size, verdict);
  }
  if (!may_move) return -ENOMEM;
  GuestRange to = guest_range(wanted, new_size);
  if (!fixed) {
    MapRequest request{.addr = keep_old ? wanted : GuestAddr{}, .size = new_size, .flags = MAP_PRIVATE};
    const auto place = this->place(request);
    if (!place) return place.error();
    to = *place;
  }
  return old_size == 0 ? duplicate(m, old, to, verdict) : move_all(guest_range(old, old_size), to, flags, verdict);
}

}  // namespace fred
