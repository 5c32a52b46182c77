// mmap and its kin: the guest's requests, their files, and the kernel's verdicts in the log.
#include "core/syscalls/memory.h"
#include "core/dispatch/guest_engine.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"
#include "core/engine.h"
#include "core/memory/bytes.h"
#include "core/syscalls/handlers.h"

namespace fred {

namespace {

constexpr u32 known_with_validate = MAP_SHARED_VALIDATE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE |
                                    MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK |
                                    MAP_STACK | MAP_HUGETLB | MAP_32BIT;

[[noreturn]] void cannot_follow(const Syscall& call, const std::string& why) {
  quit(125, fmt::format("re-execution cannot follow system call {}: {}", call.number(), why));
}

/// What a file mapping needs to know of the outside world: everything, or an error.
struct FileAnswer {
  i64 error = 0;
  FileToMap found;

  std::vector<u8> bytes() const {
    ByteWriter w;
    w.put(error).put(found.max_prot).put(found.anonymous).put(found.mirror);
    found.file.write(w);
    return w.take();
  }
  bool from(std::span<const u8> bytes) {
    ByteReader r(bytes);
    r.get(error).get(found.max_prot).get(found.anonymous).get(found.mirror);
    found.file.read(r);
    return r.at_end();
  }
};

/// `early` is the error that the request has anyway, which a bad descriptor goes before.
FileAnswer ask_about_file(Syscall& call, int fd, i64 early, const FileUse& use) {
  FileAnswer answer;
  std::vector<u8> bytes;
  if (!call.replaying()) {
    struct stat st {};
    const bool own = call.engine().owns_descriptor(fd);
    answer.error = own ? -EBADF : raw_syscall(SYS_fstat, static_cast<u64>(fd), reinterpret_cast<u64>(&st));
    if (answer.error == 0) answer.error = early;
    if (answer.error == 0) {
      auto found = call.engine().memory().sources().describe(fd, use);
      if (found)
        answer.found = std::move(*found);
      else
        answer.error = found.error();
    }
    if (call.mode() == Mode::record) bytes = answer.bytes();
  }
  if (call.mode() == Mode::run) return answer;
  logged_values(call, bytes);
  if (call.replaying() && !answer.from(bytes)) cannot_follow(call, "its record is damaged");
  return answer;
}

}  // namespace

Verdict verdict_of(Syscall& call) {
  return [&call](const KernelStep& step) -> i64 {
    const i64 verdict = call.perform(step);
    if (!call.replaying() || is_error(verdict)) return verdict;
    if (const i64 mine = step(); is_error(mine))
      cannot_follow(call, fmt::format("memory that was there when recording cannot be had (errno {})", -mine));
    return verdict;
  };
}

i64 sys_mmap(Syscall& call) {
  GuestMemory& memory = call.engine().memory();
  const u32 flags = static_cast<u32>(call.arg(3));
  const int fd = static_cast<int>(call.arg(4));
  MapRequest request{.addr = call.addr(0),
                     .size = call.arg(1),
                     .prot = static_cast<int>(call.arg(2)),
                     .flags = flags,
                     .offset = call.arg(5)};
  if (request.offset % page_size) return -EINVAL;
  if (flags & MAP_ANONYMOUS) {
    // As on a machine that has set no huge pages aside.
    if (flags & MAP_HUGETLB) return request.size ? -ENOMEM : -EINVAL;
    request.offset = 0;
    return memory.map(request, verdict_of(call));
  }

  const u32 type = flags & MAP_TYPE;
  i64 early = 0;
  if (const auto place = memory.place(request); !place)
    early = place.error();
  else if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
    early = -EINVAL;
  else if (type == MAP_SHARED_VALIDATE && flags & ~known_with_validate)
    early = -EOPNOTSUPP;
  else if (flags & MAP_HUGETLB)
    early = -EINVAL;
  const FileUse use{
      .offset = request.offset, .size = page_ceil(request.size), .prot = request.prot, .shared = type != MAP_PRIVATE};
  if (use.shared) guest_engine(call).take_shared_turn();  // what is mapped stays as it is copied
  FileAnswer answer = ask_about_file(call, fd, early, use);
  if (answer.error) return answer.error;
  if (answer.found.anonymous) {
    request.flags |= MAP_ANONYMOUS;
    request.offset = 0;
    return memory.map(request, verdict_of(call));
  }
  request.max_prot = answer.found.max_prot;
  request.mirror = answer.found.mirror;
  request.file = std::make_shared<MappedFile>(std::move(answer.found.file));
  request.fd = fd;
  UniqueFd opened;
  if (call.replaying() || request.file->source == Source::stand_in) {
    auto source = memory.sources().open(*request.file);
    if (source)
      opened = std::move(*source);
    else if (call.replaying())
      cannot_follow(call, source.error().message);
    request.fd = opened.get();
  }
  const i64 at = memory.map(request, verdict_of(call));
  if (!is_error(at)) mirror_mapped_end(call, *request.file);
  return at;
}

i64 sys_munmap(Syscall& call) { return call.engine().memory().unmap(call.addr(0), call.arg(1), verdict_of(call)); }

i64 sys_mprotect(Syscall& call) {
  return call.engine().memory().protect(call.addr(0), call.arg(1), static_cast<int>(call.arg(2)), verdict_of(call));
}

i64 sys_mremap(Syscall& call) {
  GuestMemory& memory = call.engine().memory();
  const i64 at = memory.remap(call.addr(0), call.arg(1), call.arg(2), static_cast<u32>(call.arg(3)), call.addr(4),
                              verdict_of(call));
  if (is_error(at)) return at;
  // What came into view now is perhaps not as it was when a re-execution's object was filled.
  const GuestAddr begin{static_cast<u64>(at)};
  const u64 old_size = page_ceil(call.arg(1)), new_size = page_ceil(call.arg(2));
  if (new_size > old_size) mirror_grown_memory(call, {begin + old_size, begin + new_size});
  return at;
}

i64 sys_brk(Syscall& call) {
  return static_cast<i64>(call.engine().memory().set_brk(call.addr(0), verdict_of(call)).value);
}

i64 sys_madvise(Syscall& call) {
  const int advice = static_cast<int>(call.arg(2));
  const i64 result = call.engine().memory().advise(call.addr(0), call.arg(1), advice, verdict_of(call));
  // A private copy that was dropped shows the file again, as it is now.
  if (result == 0 && advice == MADV_DONTNEED)
    mirror_dropped_pages(call, guest_range(call.addr(0), page_ceil(call.arg(1))));
  return result;
}

// The processor that the guest sees has no protection keys.
i64 sys_pkey_alloc(Syscall& call) {
  constexpr u64 known_rights = 3;
  return call.arg(0) || call.arg(1) & ~known_rights ? -EINVAL : -ENOSPC;
}
i64 sys_pkey_free(Syscall&) { return -EINVAL; }
i64 sys_pkey_mprotect(Syscall& call) { return static_cast<int>(call.arg(3)) == -1 ? sys_mprotect(call) : -EINVAL; }

// Rearranging the pages of a mapping is long deprecated, and no mapping could be shown for it; programs that
// knew it fall back to mmap.
i64 sys_remap_file_pages(Syscall&) { return -ENOSYS; }

}  // namespace fred
