// System calls with foreign memory (core/memory/foreign_memory.h): the kernel works on the memory itself, not on the
// guest's copy of it.
#pragma once
#include <memory>
#include <vector>

#include "core/base/types.h"

namespace fred {

class ForeignMemory;
class Syscall;

/// Before anything else of the call: what its arguments point to comes into the copies, for the engine reads it there.
void fetch_arguments(Syscall& call);

/// For one call of the kernel: the addresses that it gets.
class ForeignArguments {
 public:
  /// Addresses of copies become those of the memory itself, in the arguments and in the buffers of vectors and messages
  /// that they point to.
  void translate(const ForeignMemory& foreign, u64 number, u64 (&args)[6]);

 private:
  void* keep(u64 size) { return made_.emplace_back(std::make_unique<u8[]>(size)).get(); }
  u64 vectors(const ForeignMemory& foreign, u64 at, u64 count);

  std::vector<std::unique_ptr<u8[]>> made_;
};

}  // namespace fred
