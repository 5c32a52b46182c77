#include "core/base/outside.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/base/descriptor.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {

i64 g_root = -1;

u64 folder() { return static_cast<u64>(g_root >= 0 ? g_root : AT_FDCWD); }

/// Relative to the root that is kept.
u64 within(const std::string& path) {
  const auto begin = g_root >= 0 ? path.find_first_not_of('/') : 0;
  return reinterpret_cast<u64>(begin == std::string::npos ? "." : path.c_str() + begin);
}

}  // namespace

void hold_outside_root(int descriptor) {
  const i64 root = descriptor >= 0
                       ? descriptor
                       : raw_syscall(SYS_open, reinterpret_cast<u64>("/"), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (is_error(root)) return;
  g_root = raise_descriptor(root);
  if (g_root < 0) g_root = -1;
}

int outside_root() { return static_cast<int>(g_root); }

i64 open_outside(const std::string& path, int flags, u32 mode) {
  return raw_syscall(SYS_openat, folder(), within(path), static_cast<u64>(flags), mode);
}

i64 make_folder_outside(const std::string& path, u32 mode) {
  return raw_syscall(SYS_mkdirat, folder(), within(path), mode);
}

i64 unlink_outside(const std::string& path) { return raw_syscall(SYS_unlinkat, folder(), within(path), 0); }

bool is_file_outside(const std::string& path, u64 dev, u64 ino) {
  struct stat st {};
  if (is_error(raw_syscall(SYS_newfstatat, folder(), within(path), reinterpret_cast<u64>(&st), 0))) return false;
  return st.st_dev == dev && st.st_ino == ino;
}

}  // namespace fred
