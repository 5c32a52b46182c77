// AVX-512 registers, the upper sixteen and the masks too, survive system calls, handlers and a timer.
// build: -mavx512f -mavx512bw -O2
// skip-if-no: avx512f avx512bw
// engine: --cpu=native
#include <sys/time.h>
#include "common.h"

static volatile int calls;
static void clobber(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  __asm__ volatile(
      "vpternlogd $255, %%zmm0, %%zmm0, %%zmm0\n vmovdqa64 %%zmm0, %%zmm7\n vmovdqa64 %%zmm0, %%zmm16\n"
      "vmovdqa64 %%zmm0, %%zmm31\n kxnorq %%k1, %%k1, %%k1\n kxorq %%k7, %%k7, %%k7"
      :
      :
      : "xmm0", "xmm7", "xmm16", "xmm31", "k1", "k7");
  calls++;
}

int main(void) {
  on_signal(SIGALRM, clobber, 0);
  on_signal(SIGUSR2, clobber, 0);
  u64 in[34], out[34];
  for (int i = 0; i < 34; i++) in[i] = 0x0123456789abcdefULL * (i + 3);
  for (int round = 0; round < 20; round++) {
    memset(out, 0, sizeof out);
    const struct itimerval timer = {{0, 0}, {0, 2000}};
    const int wanted = calls + 2;
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    __asm__ volatile(
        "vmovdqu64 (%[in]), %%zmm0\n vmovdqu64 64(%[in]), %%zmm7\n vmovdqu64 128(%[in]), %%zmm16\n"
        "vmovdqu64 192(%[in]), %%zmm31\n kmovq 256(%[in]), %%k1\n kmovq 264(%[in]), %%k7\n"
        "mov %[pid], %%edi\n mov $12, %%esi\n mov $62, %%eax\n syscall\n mov $39, %%eax\n syscall\n"
        "1: cmp %[calls], %[wanted]\n jne 1b\n mov $0, %%eax\n"
        "vmovdqu64 %%zmm0, (%[out])\n vmovdqu64 %%zmm7, 64(%[out])\n vmovdqu64 %%zmm16, 128(%[out])\n"
        "vmovdqu64 %%zmm31, 192(%[out])\n kmovq %%k1, 256(%[out])\n kmovq %%k7, 264(%[out])\n vzeroupper"
        :
        : [in] "r"(in), [out] "r"(out), [pid] "r"(getpid()), [calls] "m"(calls), [wanted] "r"(wanted)
        : "rax", "rcx", "rdi", "rsi", "r11", "memory", "xmm0", "xmm7", "xmm16", "xmm31", "k1", "k7", "cc");
    for (int i = 0; i < 34; i++) CHECK_EQ(out[i], in[i]);
  }
  return done();
}
