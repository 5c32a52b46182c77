// Files as fred sees them, by their absolute paths: the guest may have got another root or other mounts meanwhile
// (chroot, pivot_root, namespaces). For the recording's own files, and what it refers to by path.
#pragma once
#include <string>

#include "core/base/types.h"

namespace fred {

/// Keeps the root of now. `descriptor`: instead that one, of whoever executed this process. Without it the functions
/// below go by the root of the moment, as any program does.
void hold_outside_root(int descriptor = -1);
/// -1: none is kept.
int outside_root();

// As the system calls: a result, or -errno.
i64 open_outside(const std::string& path, int flags, u32 mode = 0);
i64 make_folder_outside(const std::string& path, u32 mode);
i64 unlink_outside(const std::string& path);
/// Is that the file with this device and inode?
bool is_file_outside(const std::string& path, u64 dev, u64 ino);

}  // namespace fred
