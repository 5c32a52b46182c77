// The stack that a program starts with: argc, argv, envp, the auxiliary vector and their strings, laid out as
// the kernel does.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/elf/loader.h"

namespace fred {

/// What the auxiliary vector says that neither the program nor its memory decides.
struct StackInputs {
  u32 uid = 0, euid = 0, gid = 0, egid = 0;
  bool secure = false;
  std::array<u8, 16> random{};
  u64 hwcap = 0, hwcap2 = 0;
  u64 smallest_signal_stack = 2048;  // AT_MINSIGSTKSZ
  u64 clock_ticks = 100;             // AT_CLKTCK
  u64 stack_room = 0;                // bytes that the main stack may take
};

/// Makes the main stack and fills it from process().args and .env. Sets auxv, args_area and env_area of process(),
/// and returns rsp. E2BIG if the strings are too large for a stack. Every mode alike.
Result<GuestAddr> make_initial_stack(Engine& engine, const LoadPlan& plan, const LoadedProgram& loaded,
                                     const StackInputs& inputs);

/// E2BIG (7) as an error if execve would refuse these strings, before anything is torn down. `stack_limit` is
/// RLIMIT_STACK's soft limit.
Result<> check_string_sizes(const std::vector<std::string>& args, const std::vector<std::string>& env,
                            const std::string& execfn, u64 stack_limit);

}  // namespace fred
