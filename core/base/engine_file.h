// The engine's own executable. /proc/self/exe is another's where the engine was started in a program's process.
#pragma once
#include <string>

#include "core/base/types.h"

namespace fred {

/// It is this one, whatever becomes of its path.
void hold_engine_file(const std::string& path);
/// As execve: -errno, or it does not come back.
i64 execute_engine_file(char* const* argv, char* const* envp);

}  // namespace fred
