// A program that uses AVX-512 without asking cpuid: the registers that the visible processor does not have survive
// handlers as well, nested ones, and one that is left by siglongjmp; a handler begins with them clear.
// build: -mavx512f -mavx512bw -mno-vzeroupper -O2
// skip-if-no: avx512f avx512bw
#include <setjmp.h>
#include <sys/time.h>
#include "common.h"

#define USED "xmm0", "xmm16", "xmm31", "k1", "k7", "memory"

static sigjmp_buf out;
static volatile int calls, depth;
static long self;

/// Fills parts of registers of each kind with a value: lower and upper halves, the upper sixteen, masks.
static inline __attribute__((always_inline)) void fill(u64 value) {
  __asm__ volatile(
      "vpbroadcastq %0, %%zmm0\n vpbroadcastq %0, %%zmm16\n vpbroadcastq %0, %%zmm31\n kmovq %0, %%k1\n kmovq %0, %%k7"
      :
      : "r"(value)
      : USED);
}

/// How many of 26 words are not the value.
static inline __attribute__((always_inline)) int differing(u64 value) {
  u64 seen[26];
  __asm__ volatile(
      "vmovdqu64 %%zmm0, (%0)\n vmovdqu64 %%zmm16, 64(%0)\n vmovdqu64 %%zmm31, 128(%0)\n"
      "kmovq %%k1, 192(%0)\n kmovq %%k7, 200(%0)"
      :
      : "r"(seen)
      : "memory");
  int wrong = 0;
  for (int i = 0; i < 26; i++) wrong += seen[i] != value;
  return wrong;
}

/// A system call without a call of a function, which might use vector registers.
static inline __attribute__((always_inline)) void send_to_self(int sig) {
  long number = SYS_kill;
  __asm__ volatile("syscall" : "+a"(number) : "D"(self), "S"((long)sig) : "rcx", "r11", "memory");
}

static void nested(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  int wrong = differing(0);
  const u64 mine = 0x1111111111111111ULL * (u64)++depth;
  fill(mine);
  if (depth < 5) send_to_self(sig);
  wrong += differing(mine);
  if (wrong) failures++, printf("FAIL depth %d: %d differ\n", depth, wrong);
  depth--;
  calls++;
}

static void leave(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  fill(~0ULL);
  siglongjmp(out, sig);
}

int main(void) {
  self = getpid();
  on_signal(SIGUSR1, nested, SA_NODEFER);
  on_signal(SIGALRM, nested, 0);
  on_signal(SIGUSR2, leave, 0);
  for (volatile int round = 0; round < 20; round++) {
    const u64 value = 0x0123456789abcdefULL * (u64)(round + 1);
    fill(value);
    send_to_self(SIGUSR1);
    CHECK_EQ(differing(value), 0);
    CHECK_EQ(calls, 5);
    calls = 0;

    // Out of a handler, which leaves its frame behind; the next one is right again.
    if (sigsetjmp(out, 1) == 0) send_to_self(SIGUSR2);
    fill(value + 1);
    send_to_self(SIGUSR1);
    CHECK_EQ(differing(value + 1), 0);
    calls = 0;

    // In the middle of a loop.
    const struct itimerval timer = {{0, 0}, {0, 1000}};
    depth = 4;
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    fill(value + 2);
    while (!calls) {
    }
    CHECK_EQ(differing(value + 2), 0);
    calls = depth = 0;
    __asm__ volatile("vzeroupper" : : : "memory");
  }
  return done();
}
