// The guest's memory as bytes, without contents, and back.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>

#include "core/base/raw_syscall.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"

namespace fred {

namespace {
constexpr u32 state_version = 1;
}

std::vector<u8> GuestMemory::serialise() const {
  ByteWriter w;
  w.put(state_version)
      .put(stack_room_)
      .put(heap_begin_)
      .put(brk_)
      .put(initial_sp_)
      .put(other_growing_)
      .put(mirrors_files_)
      .put(shares_memory_);
  w.put(next_shared_ino_);
  // The engine's own image lies elsewhere in every process; what was reserved must lie where it was.
  table_.write(w, [](const Mapping& m) { return m.name != "[engine]"; });
  return w.take();
}

Result<> GuestMemory::restore(std::span<const u8> state) {
  ByteReader r(state);
  if (r.get<u32>() != state_version) return fail("a memory state of another version");
  r.get(stack_room_)
      .get(heap_begin_)
      .get(brk_)
      .get(initial_sp_)
      .get(other_growing_)
      .get(mirrors_files_)
      .get(shares_memory_)
      .get(next_shared_ino_);
  AddressMap saved;
  if (!saved.read(r) || !r.at_end()) return fail("a memory state is damaged");
  for (const auto& [begin, m] : saved.all())
    if (auto done = restore_one(m); !done) return done;
  engine_.foreign_memory_changed();
  return {};
}

Result<> GuestMemory::restore_one(const Mapping& m) {
  if (m.owner == Owner::engine) {
    if (reserve_engine_at(m.range)) return {};
    return fail(
        fmt::format("addresses {:#x}-{:#x} are taken: code cache window", m.range.begin.value, m.range.end.value));
  }
  if (!table_.is_free(m.range))
    return fail(fmt::format("addresses {:#x}-{:#x} are taken", m.range.begin.value, m.range.end.value));
  const bool object = is_shared_memory(m);
  const bool memory_only = !m.file || m.traits & trait_private_yet || (m.traits & trait_foreign && is_object(*m.file));
  UniqueFd fd;
  if (object && m.file->source == Source::guest_file) {  // shared memory without a file: its contents follow
    const i64 made = sources_.object_of_size(m.file->dev, m.file->ino, page_ceil(m.file->size));
    if (made < 0) return fail_errno(static_cast<int>(-made), "shared memory");
    fd = UniqueFd{raw_syscall(SYS_dup, static_cast<u64>(made))};
  } else if (!memory_only) {
    auto opened = sources_.open(*m.file);
    if (!opened) return std::unexpected(opened.error());
    fd = std::move(*opened);
  }
  u64 flags = MAP_FIXED_NOREPLACE | (object ? MAP_SHARED : MAP_PRIVATE);
  flags |= m.flags & (MAP_GROWSDOWN | MAP_NORESERVE);
  if (memory_only) flags |= MAP_ANONYMOUS;
  const i64 got = raw_syscall(SYS_mmap, m.range.begin.value, m.range.size(), static_cast<u64>(real_prot(m.prot)), flags,
                              static_cast<u64>(fd.get()), memory_only ? 0 : m.offset);
  if (is_error(got))
    return fail_errno(static_cast<int>(-got), fmt::format("mapping {:#x}-{:#x} {}", m.range.begin.value,
                                                          m.range.end.value, m.file ? m.file->path : ""));
  table_.insert(m);
  if (m.traits & trait_foreign) foreign_.add(m.range, nullptr);
  if (m.prot & PROT_EXEC) engine_.code_mapped(m.range);
  return {};
}

}  // namespace fred
