// The memory of a program that ran before the engine was in its process (docs/ATTACH.md): what is mapped there stays
// where it is and becomes the guest's.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <utility>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"
#include "core/memory/pagemap.h"
#include "core/memory/smaps.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

/// What the kernel maps for itself: the pages that its vDSO reads, and the old system call page. None of the guest's
/// code reads them once the vDSO's functions are system calls.
bool is_kernels(const KernelMapping& k) { return k.path.starts_with("[vvar") || k.path == "[vsyscall]"; }

/// Names that follow from where heap and stack are.
bool follows(const std::string& path) { return path == "[heap]" || path == "[stack]"; }

/// Makes pages that are the file's private ones, as a write would. So they are in every snapshot as they are now.
i64 freeze(GuestRange range, int prot) {
  const u64 size = range.size();
  const i64 open = raw_syscall(SYS_mprotect, range.begin.value, size, PROT_READ | PROT_WRITE);
  if (open < 0) return open;
  Pagemap pages;
  for (GuestAddr at = range.begin; at < range.end; at = at + page_size) {
    if (!pages.is_of_file(at.value)) continue;
    if (guest_readable(at, 1) == 0) break;  // beyond the end of the file
    volatile u8* byte = at.ptr<u8>();
    *byte = *byte;
  }
  return raw_syscall(SYS_mprotect, range.begin.value, size, static_cast<u64>(prot));
}

}  // namespace

Result<> GuestMemory::adopt(const AdoptedMemory& what) {
  auto mappings = parse_smaps(what.smaps);
  if (!mappings) return std::unexpected(mappings.error());
  table_.clear();
  for (const auto& k : *mappings) {
    if (is_kernels(k)) continue;
    if (auto done = adopt_one(k); !done) return done;
  }
  absorb_engine_mappings();
  heap_begin_ = adopted_heap_ = what.heap_begin;
  brk_ = what.brk;
  initial_sp_ = what.initial_sp;
  heap_guard_ = what.heap_guard;
  heap_guarded_ = !heap_guard_.empty();
  if (heap_guarded_) table_.erase(heap_guard_);
  adopted_ = true;
  for (const auto& m : table_.in({GuestAddr{0}, GuestAddr{layout::task_size}})) {
    if (m.owner == Owner::guest && (m.prot & PROT_EXEC) != 0) engine_.code_mapped(m.range);
  }
  return {};
}

Result<> GuestMemory::adopt_one(const KernelMapping& k) {
  Mapping m;
  m.range = k.range;
  m.prot = static_cast<u8>(k.prot);
  if (k.shared && !k.may_write) m.max_prot = PROT_READ | PROT_EXEC;
  m.flags = static_cast<u32>(k.shared ? MAP_SHARED : MAP_PRIVATE);
  if (k.grows_down) m.flags |= MAP_GROWSDOWN;
  if (k.no_reserve) m.flags |= MAP_NORESERVE;
  if (k.accounted) m.traits |= trait_accounted;
  if (k.dont_fork) m.traits |= trait_dont_fork;
  if (k.wipe_on_fork) m.traits |= trait_wipe_on_fork;
  other_growing_ |= k.grows_down;
  if (!k.is_file()) {
    m.flags |= MAP_ANONYMOUS;
    m.offset = k.range.begin.value;
    if (!follows(k.path)) m.name = k.path;
    table_.insert(std::move(m));
    return {};
  }
  auto known = sources_.adopt(k.path, k.dev, k.ino, k.offset + k.range.size(), k.shared);
  m.file = std::make_shared<MappedFile>(std::move(known.file));
  m.offset = k.offset;
  const bool memory = m.file->source == Source::guest_file;
  table_.insert(std::move(m));
  if (k.shared) {
    ++shared_mappings_made_;
    mirrors_files_ |= !memory;
    shares_memory_ |= memory;
    if (memory && engine_.mode() == Mode::record) follow_shared(k.range);
  } else if (!known.stays) {
    if (const i64 frozen = freeze(k.range, k.prot); frozen < 0)
      return fail_errno(static_cast<int>(-frozen), "keeping what is mapped of " + k.path);
  }
  return {};
}

void GuestMemory::keep_heap_guard() {
  if (heap_guard_.empty()) return;
  guard_heap(heap_guard_.begin);
  Mapping m;
  m.range = std::exchange(heap_guard_, {});
  m.owner = Owner::engine;
  m.name = "[engine]";
  m.offset = m.range.begin.value;
  table_.insert(std::move(m));
}

void GuestMemory::guard_heap(GuestAddr heap_end) {
  const bool wanted = !heap_guard_.empty() && heap_end <= heap_guard_.begin;
  if (wanted == heap_guarded_) return;
  heap_guarded_ = wanted;
  if (!wanted)
    raw_syscall(SYS_munmap, heap_guard_.begin.value, heap_guard_.size());
  else if (table_.is_free(heap_guard_))
    raw_syscall(SYS_mmap, heap_guard_.begin.value, heap_guard_.size(), PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, static_cast<u64>(-1), 0);
}

namespace {

/// The pages as they are, in memory that may be executed: the file lies where nothing may be.
void copy_code(const Mapping& m) {
  const u64 size = m.range.size();
  const i64 copy =
      raw_syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, static_cast<u64>(-1), 0);
  if (copy < 0) return;
  guest_read(reinterpret_cast<void*>(copy), m.range.begin, size);
  raw_syscall(SYS_mprotect, static_cast<u64>(copy), size, m.prot);
  raw_syscall(SYS_mremap, static_cast<u64>(copy), size, size, MREMAP_MAYMOVE | MREMAP_FIXED, m.range.begin.value);
}

/// What was shared with a file of which a stand-in was mapped, is so with the file again, if that is still there.
void share_with_file(const Mapping& m) {
  const UniqueFd fd{raw_syscall(SYS_open, reinterpret_cast<u64>(m.file->path.c_str()), O_RDONLY | O_CLOEXEC)};
  struct stat st {};
  if (!fd || raw_syscall(SYS_fstat, static_cast<u64>(fd.get()), reinterpret_cast<u64>(&st)) != 0) return;
  if (st.st_dev != m.file->dev || st.st_ino != m.file->ino) return;
  raw_syscall(SYS_mmap, m.range.begin.value, m.range.size(), m.prot, MAP_SHARED | MAP_FIXED, static_cast<u64>(fd.get()),
              m.offset);
}

}  // namespace

void GuestMemory::keep_in_forks() {
  for (const auto& [begin, m] : table_.all()) {
    const u64 size = m.range.size();
    if ((m.traits & trait_dont_fork) != 0) raw_syscall(SYS_madvise, begin.value, size, MADV_DOFORK);
    if ((m.traits & trait_wipe_on_fork) != 0) raw_syscall(SYS_madvise, begin.value, size, MADV_KEEPONFORK);
  }
}

void GuestMemory::become_native() {
  share_for_fork();
  foreign_.give_back();
  for (const auto& [begin, m] : table_.all()) {
    if (m.owner != Owner::guest) continue;
    const u64 size = m.range.size();
    const bool shared = (m.flags & MAP_SHARED) != 0;
    if (shared && m.file != nullptr && m.file->source == Source::stand_in) share_with_file(m);
    const i64 done = raw_syscall(SYS_mprotect, begin.value, size, m.prot);
    if (is_error(done) && !shared && (m.prot & PROT_EXEC) != 0) copy_code(m);
    if ((m.traits & trait_dont_fork) != 0) raw_syscall(SYS_madvise, begin.value, size, MADV_DONTFORK);
    if ((m.traits & trait_wipe_on_fork) != 0) raw_syscall(SYS_madvise, begin.value, size, MADV_WIPEONFORK);
  }
  give_heap_back();
}

/// The heap's end is to be the kernel's. Where the heap has grown, its pages are mappings of our own behind what the
/// kernel knows as heap. The kernel grows it over that place, and then they come back.
void GuestMemory::give_heap_back() {
  if (heap_begin_ != adopted_heap_) return;  // that of a program executed since, of which the kernel knows nothing
  if (std::exchange(heap_guarded_, false)) raw_syscall(SYS_munmap, heap_guard_.begin.value, heap_guard_.size());
  const auto kernels = static_cast<u64>(raw_syscall(SYS_brk, 0));
  const u64 from = page_ceil(kernels), to = page_ceil(brk_.value);
  const auto map_nothing = [](u64 at, u64 size, u64 flags) {
    return raw_syscall(SYS_mmap, at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags,
                       static_cast<u64>(-1), 0);
  };
  if (from >= to) {
    if (from > to) map_nothing(to, from - to, MAP_FIXED_NOREPLACE);  // the kernel shrinks it only over what is mapped
    raw_syscall(SYS_brk, brk_.value);
    return;
  }
  const i64 aside = map_nothing(0, to - from, 0);
  if (aside < 0) return;  // the heap does not grow then: the program's libc maps memory instead
  const auto move = [&](u64 begin, u64 end) {
    return raw_syscall(SYS_mremap, begin, to - from, to - from, MREMAP_MAYMOVE | MREMAP_FIXED, end) >= 0;
  };
  if (!move(from, static_cast<u64>(aside))) {
    raw_syscall(SYS_munmap, static_cast<u64>(aside), to - from);
    return;
  }
  raw_syscall(SYS_brk, brk_.value);
  if (!move(static_cast<u64>(aside), from)) FRED_DIE("the heap at {:#x} cannot be moved back", from);
}

}  // namespace fred
