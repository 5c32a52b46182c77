// Memory of the engine that the kernel writes in place of the guest's, while a call waits and other threads of the
// guest run: what it writes reaches guest memory when the thread has the turn again (Syscall::output).
#pragma once
#include <memory>
#include <vector>

#include "core/base/types.h"

namespace fred {

class GuestMemory;

class KernelBuffers {
 public:
  /// In place of [at, at+size), with its present contents, and at the same place within a page: direct input (O_DIRECT)
  /// wants alignment. Memory that the guest could not write stands for itself: the
  /// kernel is to say EFAULT.
  GuestAddr in_place_of(const GuestMemory& memory, GuestAddr at, u64 size);
  /// Guest memory gets what the kernel wrote there, if [at, at+size) has a buffer.
  void deliver(GuestAddr at, u64 size) const;
  /// Memory that lives as long as these (arrays of addresses, …).
  void* keep(u64 size) { return made_.emplace_back(std::make_unique<u8[]>(size)).get(); }

 private:
  struct Buffer {
    GuestRange range;
    u8* bytes;
  };
  std::vector<std::unique_ptr<u8[]>> made_;
  std::vector<Buffer> buffers_;
};

}  // namespace fred
