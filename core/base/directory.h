// The entries of an open folder, without libc: it is looked through where nothing may be allocated.
#pragma once
#include <dirent.h>
#include <sys/syscall.h>

#include "core/base/raw_syscall.h"

namespace fred {

/// Is it true of the name of one of them (but . and ..)? Those behind that are not asked.
template <class Function>
bool any_entry(int folder, Function&& function) {
  alignas(dirent64) char entries[4096];
  for (;;) {
    const i64 n = raw_syscall(SYS_getdents64, static_cast<u64>(folder), reinterpret_cast<u64>(entries), sizeof entries);
    if (n <= 0) return false;
    for (i64 at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      at += entry->d_reclen;
      const char* name = entry->d_name;
      const bool dots = name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
      if (!dots && function(name)) return true;
    }
  }
}

}  // namespace fred
