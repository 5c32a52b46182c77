// What to load, decided by looking at files (live) and then applied in every mode: an execve in place goes
// through the log as the bytes of a LoadPlan.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/elf/elf_file.h"
#include "core/elf/program.h"
#include "core/engine.h"
#include "core/memory/mapped_file.h"

namespace fred {

/// One ELF file to map.
struct LoadImage {
  ElfFile elf;
  MappedFile file;
};

struct LoadPlan {
  LoadImage executable;
  std::optional<LoadImage> interpreter;
  std::string exe;                // /proc/self/exe
  std::string execfn;             // AT_EXECFN
  std::string comm;               // at most 15 bytes
  std::vector<std::string> args;  // argv
  bool exec_stack = false;

  std::vector<u8> serialise() const;
  static Result<LoadPlan> deserialise(std::span<const u8> bytes);
};

/// A plan and, in live, the open files that it was made from. A worker has none: they are opened by path.
struct OpenPlan {
  LoadPlan plan;
  UniqueFd executable, interpreter;
};

/// Live only: reads the headers of the program and of its interpreter, and makes stand-ins where a recording
/// needs them. Changes nothing of the guest. Errors carry execve's errno and one line for the user.
Result<OpenPlan> make_load_plan(Engine& engine, Program program);

}  // namespace fred
