// The vector state in a signal frame: an XSAVE image of what the guest's processor has, with the kernel's magic
// numbers.
//
// A program may use registers that its processor does not have (it did not ask cpuid): AVX-512 with --cpu=x86-64-v3,
// say. Such a register must survive a handler as well. Where one is in use, its components lie behind the image, where
// no program looks, and a mark in the reserved bytes of the image says so: as part of the frame they are right for
// nested handlers, for siglongjmp out of one, and for a frame that never returns.
#pragma once
#include "core/arch/x86/guest_cpu.h"
#include "core/dispatch/cpu.h"

namespace fred {

class VectorImage {
 public:
  VectorImage(Cpu& cpu, const GuestCpu& guest_cpu) : cpu_(cpu), guest_cpu_(guest_cpu) {}

  /// Bytes below `top` and the address of the image that is written there (a multiple of 64), for the vector state as
  /// it is now.
  GuestAddr place_below(u64 top);
  /// False: the guest cannot write there.
  bool write(GuestAddr at);
  /// Makes the image the vector state; what is not in it becomes initial. False: it cannot be read.
  bool read(GuestAddr at);

 private:
  u64 hidden_components() const { return cpu_.vector_mask() & ~guest_cpu_.xcr0(); }
  u64 hidden_size() const;
  bool hidden_in_use() const;

  Cpu& cpu_;
  const GuestCpu& guest_cpu_;
};

}  // namespace fred
