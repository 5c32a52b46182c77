// mremap.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

i64 real_remap(GuestRange from, GuestRange to, u64 flags) {
  return raw_syscall(SYS_mremap, from.begin.value, from.size(), to.size(), flags, to.begin.value);
}

/// A worker's kernel may have cut a mapping where live's had not, and refuses to move it as one. Private
/// anonymous memory is then moved by hand.
i64 move_by_copying(const Mapping& m, GuestRange from, GuestRange to, bool keep_old) {
  const i64 made = raw_syscall(SYS_mmap, to.begin.value, to.size(), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, static_cast<u64>(-1), 0);
  if (is_error(made)) return made;
  raw_syscall(SYS_mprotect, from.begin.value, from.size(), PROT_READ | PROT_WRITE);
  std::memcpy(to.begin.ptr(), from.begin.ptr(), std::min(from.size(), to.size()));
  raw_syscall(SYS_mprotect, to.begin.value, to.size(), static_cast<u64>(real_prot(m.prot)));
  if (!keep_old) return raw_syscall(SYS_munmap, from.begin.value, from.size()) < 0 ? -EFAULT : made;
  raw_syscall(SYS_madvise, from.begin.value, from.size(), MADV_DONTNEED);
  raw_syscall(SYS_mprotect, from.begin.value, from.size(), static_cast<u64>(real_prot(m.prot)));
  return made;
}

}  // namespace

bool GuestMemory::growable_in_place(const Mapping& m, GuestAddr at, u64 more) const {
  if (at != m.range.end || at >= layout::stack_top || layout::stack_top - at < more) return false;
  return table_.is_free(guest_range(at, more));
}

i64 GuestMemory::move_to(const Mapping& m, GuestRange from, GuestRange to, u32 flags, const Verdict& verdict) {
  const bool keep_old = flags & MREMAP_DONTUNMAP;
  const u64 first = m.offset + (from.begin - m.range.begin);
  const bool foreign = (m.traits & trait_foreign) != 0;
  if (foreign && keep_old) return -EINVAL;
  drop_code(from);
  const i64 got = verdict([&]() -> i64 {
    const bool replaying = engine_.mode() == Mode::replay;
    if (!replaying && to.size() > from.size() && m.file && m.file->source == Source::stand_in)
      if (const i64 r = sources_.extend(*m.file, first, to.size()); r < 0) return r;
    if (foreign)
      if (const i64 r = move_foreign(from, to); r < 0) return r;
    const i64 moved = real_remap(from, to, MREMAP_MAYMOVE | MREMAP_FIXED | (keep_old ? MREMAP_DONTUNMAP : 0));
    const bool by_hand = is_error(moved) && (foreign || (replaying && !m.file));
    return by_hand ? move_by_copying(m, from, to, keep_old) : moved;
  });
  if (is_error(got)) return got;
  Mapping moved = m;
  moved.range = to;
  moved.offset = first;
  if (!keep_old) table_.erase(from);
  if (moved.flags & MAP_GROWSDOWN) other_growing_ = true;
  table_.insert(std::move(moved));
  if (m.prot & PROT_EXEC) engine_.code_mapped(to);
  return static_cast<i64>(to.begin.value);
}

i64 GuestMemory::duplicate(const Mapping& m, GuestAddr at, GuestRange to, const Verdict& verdict) {
  const u64 first = m.offset + (at - m.range.begin);
  if (m.traits & trait_foreign) return -ENOMEM;
  if (m.traits & trait_private_yet)
    if (const i64 r = make_really_shared(m); r < 0) return r;
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

  // What is wrong with the mapping is found before anything goes.
  if (old_size == 0 && (found->flags & MAP_PRIVATE || keep_old)) return -EINVAL;
  if (std::min(old_size, new_size) > found->range.end - old && (fixed || keep_old || old_size < new_size))
    return -EFAULT;
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
  const Mapping m = *found;
  if (m.name == "[vdso]" && new_size > old_size) return -EFAULT;

  if (!fixed && !keep_old && old_size && growable_in_place(m, old + old_size, new_size - old_size)) {
    const GuestRange more{m.range.end, old + new_size};
    const i64 got = verdict([&]() -> i64 {
      if (engine_.mode() != Mode::replay && m.file && m.file->source == Source::stand_in)
        if (const i64 r = sources_.extend(*m.file, m.offset + m.range.size(), more.size()); r < 0) return r;
      if ((m.traits & trait_foreign) != 0)
        if (const i64 r = move_foreign(m.range, {m.range.begin, old + new_size}); r < 0) return r;
      return real_remap(guest_range(old, old_size), guest_range(old, new_size), 0);
    });
    if (is_error(got)) return got;
    Mapping grown = m;
    grown.offset += m.range.size();
    grown.range = more;
    table_.insert(std::move(grown));
    if (m.prot & PROT_EXEC) engine_.code_mapped(more);
    return static_cast<i64>(old.value);
  }
  if (!may_move) return -ENOMEM;
  GuestRange to = guest_range(wanted, new_size);
  if (!fixed) {
    MapRequest request{.addr = keep_old ? wanted : GuestAddr{}, .size = new_size, .flags = MAP_PRIVATE};
    const auto place = this->place(request);
    if (!place) return place.error();
    to = *place;
  }
  return old_size == 0 ? duplicate(m, old, to, verdict) : move_to(m, guest_range(old, old_size), to, flags, verdict);
}

}  // namespace fred
