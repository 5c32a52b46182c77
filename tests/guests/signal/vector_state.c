// Vector and x87 registers, MXCSR and the control word survive a handler that clobbers all of them; the
// handler itself starts with the initial state, and DF clear.
// build: -mavx2 -O2
// skip-if-no: avx2
#include <immintrin.h>
#include <sys/time.h>
#include "common.h"

static volatile int calls;
static unsigned mxcsr_inside;
static unsigned long flags_inside;

static void clobber(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  unsigned control = 0x9fc0;
  unsigned short word = 0x0c7f;
  __asm__ volatile("stmxcsr %0\n ldmxcsr %2\n pushfq\n pop %1" : "=m"(mxcsr_inside), "=r"(flags_inside) : "m"(control));
  __asm__ volatile("fldcw %0\n fldz\n fldz\n fldz" : : "m"(word));
  __asm__ volatile(
      "vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n vmovdqa %%ymm0, %%ymm1\n vmovdqa %%ymm0, %%ymm5\n"
      "vmovdqa %%ymm0, %%ymm8\n vmovdqa %%ymm0, %%ymm15\n vzeroupper"
      :
      :
      : "xmm0", "xmm1", "xmm5", "xmm8", "xmm15");
  calls++;
}

#define LOADED                                                                                                    \
  "vmovdqu (%[in]), %%ymm0\n vmovdqu 32(%[in]), %%ymm1\n vmovdqu 64(%[in]), %%ymm5\n vmovdqu 96(%[in]), %%ymm8\n" \
  "vmovdqu 128(%[in]), %%ymm15\n"
#define STORED                                                                                                        \
  "vmovdqu %%ymm0, (%[out])\n vmovdqu %%ymm1, 32(%[out])\n vmovdqu %%ymm5, 64(%[out])\n vmovdqu %%ymm8, 96(%[out])\n" \
  "vmovdqu %%ymm15, 128(%[out])\n vzeroupper\n"

int main(void) {
  on_signal(SIGALRM, clobber, 0);
  on_signal(SIGUSR2, clobber, 0);
  u64 in[20], out[20];
  for (int i = 0; i < 20; i++) in[i] = 0x0101010101010101ULL * (i + 1);
  const unsigned rounding = 0x7f80;  // toward zero
  const unsigned short precision = 0x027f;
  for (int round = 0; round < 20; round++) {
    memset(out, 0, sizeof out);
    unsigned after;
    unsigned short word;
    long double a, b;
    const int before = calls;
    // The signal comes from a system call in the middle.
    __asm__ volatile(
        LOADED
        "ldmxcsr %[rounding]\n fldcw %[precision]\n fldpi\n fldl2e\n std\n"
        "mov %[pid], %%edi\n mov $12, %%esi\n mov $62, %%eax\n syscall\n"
        "cld\n stmxcsr %[after]\n fnstcw %[word]\n fstpt %[b]\n fstpt %[a]\n" STORED
        : [after] "=m"(after), [word] "=m"(word), [a] "=m"(a), [b] "=m"(b)
        : [in] "r"(in), [out] "r"(out), [rounding] "m"(rounding), [precision] "m"(precision), [pid] "r"(getpid())
        : "rax", "rcx", "rdi", "rsi", "r11", "memory", "xmm0", "xmm1", "xmm5", "xmm8", "xmm15", "cc");
    CHECK_EQ(calls, before + 1);
    CHECK(memcmp(in, out, sizeof in) == 0);
    CHECK_EQ(after & 0xffc0, rounding);
    CHECK_EQ(word, precision);
    CHECK(a > 3.14159265358979323L && a < 3.14159265358979324L);
    CHECK(b > 1.44269504088896340L && b < 1.44269504088896341L);
    CHECK_EQ(mxcsr_inside, 0x1f80);
    CHECK_EQ(flags_inside & 0x400, 0);

    // And from a timer in the middle of a loop.
    memset(out, 0, sizeof out);
    const struct itimerval timer = {{0, 0}, {0, 2000}};
    const int wanted = calls + 1;
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    __asm__ volatile(LOADED "1: cmp %[calls], %[wanted]\n jne 1b\n" STORED
                     :
                     : [in] "r"(in), [out] "r"(out), [calls] "m"(calls), [wanted] "r"(wanted)
                     : "memory", "xmm0", "xmm1", "xmm5", "xmm8", "xmm15", "cc");
    CHECK(memcmp(in, out, sizeof in) == 0);
    const unsigned normal = 0x1f80;
    __asm__ volatile("ldmxcsr %0\n fninit" : : "m"(normal));
  }
  return done();
}
