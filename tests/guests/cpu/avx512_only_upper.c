// skip-if-no: avx512f
// engine: --cpu=native
// A signal frame that says that ZMM_Hi256 is in use and AVX is not, and afterwards an upper half of ymm that is zeroed:
// it stays zero. AMD's XSAVEOPT takes old bytes of its area for it (core/dispatch/entry_code.cpp).
#include <immintrin.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "../common.h"

/// A system call that the vector registers live through.
#define CALL_KERNEL "mov $110, %%eax\n\tsyscall\n\t"  // getppid

static void drop_avx(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info;
  u8* area = (u8*)((ucontext_t*)context)->uc_mcontext.fpregs;
  u64 present;
  memcpy(&present, area + 512, 8);
  present = (present | 1 << 6) & ~(u64)(1 << 2);
  memcpy(area + 512, &present, 8);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = drop_avx, .sa_flags = SA_SIGINFO};
  MUST(sigaction(SIGUSR1, &action, NULL));
  static const u64 ones[8] = {~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull};
  u64 upper[4] = {1, 1, 1, 1};
  const long process = getpid();
  __asm__ volatile(
      "vmovdqu64 %[ones], %%zmm10\n\t"
      "mov $62, %%eax\n\tsyscall\n\t"                 // kill: zmm is in use, and the handler says that AVX is not
      "vmovdqu %[ones], %%ymm8\n\t" CALL_KERNEL       // the area holds an upper half that is not 0
      "vpxor %%xmm8, %%xmm8, %%xmm8\n\t" CALL_KERNEL  // AVX is initial again
      "pcmpeqb %%xmm11, %%xmm11\n\t" CALL_KERNEL "vmovdqu %%ymm8, %[upper]"
      : [upper] "=m"(upper)
      : [ones] "m"(ones), "D"(process), "S"((long)SIGUSR1)
      : "rax", "rcx", "r11", "xmm8", "xmm10", "xmm11", "memory");
  for (int i = 0; i < 4; i++) CHECK_EQ(upper[i], 0);
  return done();
}
