#include "core/base/engine_file.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "core/base/descriptor.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {
i64 g_file = AT_FDCWD;  // /proc/self/exe; else a descriptor, or the error of opening it
}  // namespace

void hold_engine_file(const std::string& path) {
  const i64 file = raw_syscall(SYS_open, reinterpret_cast<u64>(path.c_str()), O_PATH | O_CLOEXEC);
  g_file = is_error(file) ? file : raise_descriptor(file);
}

i64 execute_engine_file(char* const* argv, char* const* envp) {
  const u64 arguments = reinterpret_cast<u64>(argv), environment = reinterpret_cast<u64>(envp);
  if (g_file == AT_FDCWD)
    return raw_syscall(SYS_execve, reinterpret_cast<u64>("/proc/self/exe"), arguments, environment);
  if (g_file < 0) return g_file;
  return raw_syscall(SYS_execveat, static_cast<u64>(g_file), reinterpret_cast<u64>(""), arguments, environment,
                     AT_EMPTY_PATH);
}

}  // namespace fred
