// Calls with a path that may name the guest itself under /proc, where the kernel would show the engine.
//
// Only live knows what a path leads to (the working directory, an open directory), so live decides and the
// decision is logged. It is asked for only if the last word of the path may be meant: an ordinary path costs
// no more than reading it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "core/dispatch/guest_engine.h"
#include "core/engine.h"
#include "core/syscalls/handlers.h"
#include "core/syscalls/proc_files.h"
#include "core/syscalls/self_memory.h"
#include "core/syscalls/walk.h"
#include "core/syscalls/walker.h"
#include "core/threads/threads.h"

namespace fred {
namespace {

/// What a path leads to.
enum class Named : u8 {
  other,   // nothing of the engine's: the kernel may answer
  exe,     // the link to the executable
  text,    // a file whose contents are made here
  memory,  // the memory of the process
  hidden,  // a descriptor of the engine's
};

struct Found {
  Named named = Named::other;
  std::string path;  // absolute; in live only
};

/// Which arguments are the directory (-1: none) and the path.
struct PathArgs {
  int directory, path;
};
constexpr PathArgs plain{-1, 0}, at_directory{0, 1};

constexpr std::string_view told_words[] = {"exe",  "maps", "smaps", "auxv",   "cmdline", "environ",
                                           "comm", "stat", "statm", "status", "mem"};

/// The number that a word is, or -1.
i64 number_of(std::string_view word) {
  i64 n = word.empty() ? -1 : 0;
  for (const char c : word) {
    if (c < '0' || c > '9' || n > 1'000'000'000) return -1;
    n = n * 10 + (c - '0');
  }
  return n;
}

bool names_engine_descriptor(const Engine& engine, std::string_view word) {
  const i64 number = number_of(word);
  return number >= 0 && engine.owns_descriptor(number);
}

std::string read_link(const std::string& path) {
  char target[4096];
  const i64 size =
      raw_syscall(SYS_readlink, reinterpret_cast<u64>(path.c_str()), reinterpret_cast<u64>(target), sizeof target);
  return size <= 0 ? std::string() : std::string(target, static_cast<u64>(size));
}

/// Live: the path from the root. A directory is asked for its name through /proc.
std::string absolute_path(Syscall& call, PathArgs args, const std::string& path) {
  if (path.starts_with('/')) return path;
  const i32 directory = args.directory < 0 ? AT_FDCWD : static_cast<i32>(call.arg(args.directory));
  return read_link(directory == AT_FDCWD ? "/proc/self/cwd" : fmt::format("/proc/self/fd/{}", directory)) + "/" + path;
}

/// Live: decides.
Named classify(Engine& engine, const std::string& path) {
  const std::string_view word = std::string_view(path).substr(path.rfind('/') + 1);
  if (path.starts_with("/dev/fd/")) return names_engine_descriptor(engine, word) ? Named::hidden : Named::other;
  const auto part = own_proc_part(path);
  if (!part) return Named::other;
  if (*part == "mem") return Named::memory;
  if (*part == "exe") return Named::exe;
  if (part->starts_with("fd/") || part->starts_with("fdinfo/"))
    return names_engine_descriptor(engine, word) ? Named::hidden : Named::other;
  return std::find(std::begin(told_words), std::end(told_words), *part) == std::end(told_words) ? Named::other
                                                                                                : Named::text;
}

Found look(Syscall& call, PathArgs args) {
  Found found;
  std::string path;
  if (!call.get_string(path, call.addr(args.path))) return found;
  const std::string_view word = std::string_view(path).substr(path.rfind('/') + 1);
  if (std::find(std::begin(told_words), std::end(told_words), word) == std::end(told_words) &&
      !names_engine_descriptor(call.engine(), word))
    return found;
  if (!call.replaying()) {
    found.path = absolute_path(call, args, path);
    found.named = classify(call.engine(), found.path);
  }
  call.value(&found.named, sizeof found.named);
  return found;
}

/// The guest's call with another path.
i64 execute_on(Syscall& call, PathArgs args, const std::string& path) {
  u64 a[6];
  for (int i = 0; i < 6; ++i) a[i] = call.arg(i);
  a[args.path] = reinterpret_cast<u64>(path.c_str());
  return call.execute(call.number(), a[0], a[1], a[2], a[3], a[4], a[5]);
}

/// Calls that only look: argument `out` gets `size` bytes. `follows` is false if the last link is meant.
i64 look_at(Syscall& call, PathArgs args, bool follows, int out = -1, u64 size = 0) {
  switch (look(call, args).named) {
    case Named::hidden:
      return -ENOENT;
    case Named::exe: {
      if (!follows) break;
      if (out >= 0) call.will_write(call.addr(out), size);
      const i64 result = execute_on(call, args, call.engine().process().exe);
      if (out >= 0 && !is_error(result)) call.output(call.addr(out), size);
      return result;
    }
    default:
      break;
  }
  return walk_row(call);
}

bool write_all(u64 fd, const std::string& text) {
  for (u64 done = 0; done < text.size();) {
    const i64 n = raw_syscall(SYS_write, fd, reinterpret_cast<u64>(text.data()) + done, text.size() - done);
    if (n <= 0) return false;
    done += static_cast<u64>(n);
  }
  return true;
}

/// Live: a descriptor that reads as `text`, or an error.
i64 text_descriptor(const std::string& text, u64 flags) {
  const i64 writer = raw_syscall(SYS_memfd_create, reinterpret_cast<u64>("proc"), MFD_CLOEXEC);
  if (is_error(writer)) return writer;
  const std::string name = fmt::format("/proc/self/fd/{}", writer);
  const i64 reader = write_all(static_cast<u64>(writer), text)
                         ? raw_syscall(SYS_open, reinterpret_cast<u64>(name.c_str()), flags & ~u64{O_NOFOLLOW})
                         : -ENOMEM;
  raw_syscall(SYS_close, static_cast<u64>(writer));
  return reader;
}

/// Live: opens the kernel's file, so that errors and the number are as natively, and puts the text that the
/// guest is to find in its place.
i64 open_text(Syscall& call, const std::string& path, u64 flags) {
  const i64 real = raw_syscall(call.number(), call.arg(0), call.arg(1), call.arg(2), call.arg(3));
  if (is_error(real)) return real;
  if (path.ends_with("/status")) guest_engine(call).threads().free_processors(false);  // it tells of them
  const auto text = emulated_proc_text(call.engine(), path);
  if (!text) return real;
  const i64 reader = text_descriptor(*text, flags);
  i64 result = reader;
  if (!is_error(reader)) {
    result = raw_syscall(SYS_dup3, static_cast<u64>(reader), static_cast<u64>(real), flags & O_CLOEXEC);
    raw_syscall(SYS_close, static_cast<u64>(reader));
  }
  if (is_error(result)) raw_syscall(SYS_close, static_cast<u64>(real));
  return result;
}

i64 open_path(Syscall& call, PathArgs args, u64 flags) {
  const Found found = look(call, args);
  const bool reads = (flags & O_ACCMODE) == O_RDONLY && (flags & (O_PATH | O_DIRECTORY)) == 0;
  switch (found.named) {
    case Named::hidden:
      return -ENOENT;
    case Named::memory: {
      const i64 result = walk_row(call);
      if (!is_error(result) && (flags & O_ACCMODE) != O_RDONLY) note_memory_opened(call.engine().memory());
      return result;
    }
    case Named::exe:
      if ((flags & O_NOFOLLOW) != 0) break;
      return execute_on(call, args, call.engine().process().exe);
    case Named::text:
      if (!reads) break;
      return call.perform([&] { return open_text(call, found.path, flags); });
    case Named::other:
      break;
  }
  return walk_row(call);
}

i64 read_exe_link(Syscall& call, PathArgs args) {
  const i64 room = static_cast<i32>(call.arg(args.path + 2));
  switch (look(call, args).named) {
    case Named::hidden:
      return -ENOENT;
    case Named::exe:
      break;
    default:
      return walk_row(call);
  }
  if (room <= 0) return -EINVAL;
  const std::string& target = call.engine().process().exe;
  const u64 size = std::min<u64>(static_cast<u64>(room), target.size());
  return call.put(call.addr(args.path + 1), target.data(), size) ? static_cast<i64>(size) : -EFAULT;
}

constexpr u64 stat_size = 144, statx_size = 256;
bool follows(u64 at_flags) { return (at_flags & AT_SYMLINK_NOFOLLOW) == 0; }

}  // namespace

i64 sys_open(Syscall& call) { return open_path(call, plain, call.arg(1)); }
i64 sys_creat(Syscall& call) { return open_path(call, plain, O_CREAT | O_WRONLY | O_TRUNC); }
i64 sys_openat(Syscall& call) { return open_path(call, at_directory, call.arg(2)); }
i64 sys_openat2(Syscall& call) {
  u64 flags = 0;  // the first field of struct open_how
  call.get(flags, call.addr(2));
  return open_path(call, at_directory, flags);
}

i64 sys_stat(Syscall& call) { return look_at(call, plain, true, 1, stat_size); }
i64 sys_lstat(Syscall& call) { return look_at(call, plain, false, 1, stat_size); }
i64 sys_newfstatat(Syscall& call) { return look_at(call, at_directory, follows(call.arg(3)), 2, stat_size); }
i64 sys_statx(Syscall& call) { return look_at(call, at_directory, follows(call.arg(2)), 4, statx_size); }

i64 sys_access(Syscall& call) { return look_at(call, plain, true); }
i64 sys_faccessat(Syscall& call) { return look_at(call, at_directory, true); }
i64 sys_faccessat2(Syscall& call) { return look_at(call, at_directory, follows(call.arg(3))); }

i64 sys_readlink(Syscall& call) { return read_exe_link(call, plain); }
i64 sys_readlinkat(Syscall& call) { return read_exe_link(call, at_directory); }

}  // namespace fred
