// An asynchronous signal ends a loop that does nothing but count; a loop of one jump; a loop in
// hand-written code whose flags are live all the time. On a busy machine the signal can come before a loop has begun:
// then it is tried again.
#include <sys/time.h>
#include "common.h"

static volatile sig_atomic_t flag;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  flag = 1;
}

static void arm(void) {
  flag = 0;
  const struct itimerval timer = {{0, 0}, {0, 20000}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

int main(void) {
  on_signal(SIGALRM, handler, 0);
  for (int round = 0; round < 5; round++) {
    u64 n = 0;
    do {
      arm();
      while (!flag) n++;
    } while (n == 0);
    arm();
    __asm__ volatile("1: cmpl $0, %0\n jz 1b" : : "m"(flag) : "cc", "memory");
    // adc keeps CF alive through the jump; the flag is tested by jrcxz.
    u64 low = 0, high = 0;
    do {
      arm();
      __asm__ volatile(
          "stc\n"
          "1: mov %[flag], %%ecx\n jrcxz 2f\n jmp 3f\n"
          "2: adc $0, %[low]\n lea 1(%[high]), %[high]\n stc\n jmp 1b\n"
          "3:"
          : [low] "+r"(low), [high] "+r"(high)
          : [flag] "m"(flag)
          : "rcx", "cc", "memory");
    } while (low == 0);
    CHECK_EQ(low, high);
  }
  return done();
}
