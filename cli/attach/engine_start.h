// Starts the engine within a stopped process: its image and its dynamic linker are mapped there, and the first thread
// runs them with a stack of their own, as after an execve.
#pragma once
#include <string>
#include <vector>

#include "cli/attach/stopped_process.h"

namespace fred {

struct EngineStart {
  u64 pc = 0, sp = 0;
};

/// Maps the engine and prepares its stack. `auxv`: the process's own, for what the kernel and the processor are like.
/// `scratch`: memory of the process that can be written.
Result<EngineStart> prepare_engine(StoppedProcess& process, const std::string& engine,
                                   const std::vector<std::string>& arguments, const std::vector<u8>& auxv, u64 scratch);

}  // namespace fred
