// Signals arrive all the time while code of all kinds runs; each computation must still be right, and
// every register and flag must survive each handler.
#include <sys/time.h>
#include "common.h"

static volatile unsigned long count;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  count++;
  // Clobbers what a handler may: everything.
  __asm__ volatile(
      "pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm7\n movdqa %%xmm0, %%xmm15\n std\n cld\n stc\n fninit\n fld1"
      :
      :
      : "xmm0", "xmm7", "xmm15", "cc");
}

static unsigned collatz(unsigned long n) {
  unsigned steps = 0;
  for (; n != 1; steps++) n = n & 1 ? 3 * n + 1 : n / 2;
  return steps;
}

static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int compare(const void* a, const void* b) { return *(const int*)a < *(const int*)b ? -1 : 1; }

int main(void) {
  on_signal(SIGALRM, handler, SA_RESTART);
  const struct itimerval timer = {{0, 500}, {0, 500}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
  static int numbers[20000];
  for (int round = 0; round < 30 || count < 50; round++) {
    unsigned total = 0;
    for (unsigned long n = 1; n < 3000; n++) total += collatz(n);
    CHECK_EQ(total, 215015);
    CHECK_EQ(fib(20), 6765);
    unsigned state = 5;
    for (int i = 0; i < 20000; i++) numbers[i] = (int)(state = state * 1664525 + 1013904223);
    qsort(numbers, 20000, sizeof(int), compare);
    for (int i = 1; i < 20000; i++)
      if (numbers[i - 1] > numbers[i]) CHECK(0);
    double sum = 0;
    for (int i = 1; i < 20000; i++) sum += 1.0 / i / i;
    CHECK(sum > 1.64488 && sum < 1.64489);
    long double product = 1;
    for (int i = 1; i < 25; i++) product *= i;
    CHECK(product == 620448401733239439360000.0L);
    u64 carry = 0, i = 100000;
    __asm__ volatile("stc\n 1: adc $0, %0\n setc %%dl\n stc\n lea -1(%1), %1\n mov %1, %%rcx\n jrcxz 2f\n jmp 1b\n 2:"
                     : "+r"(carry), "+r"(i)
                     :
                     : "rcx", "rdx", "cc");
    CHECK_EQ(carry, 100000);
    char text[50];
    snprintf(text, sizeof text, "%d %.4f", round, 3.14159);
    CHECK(strstr(text, " 3.1416") != NULL);
    CHECK_EQ(syscall(SYS_getppid), getppid());
  }
  const struct itimerval off = {{0, 0}, {0, 0}};
  MUST(setitimer(ITIMER_REAL, &off, NULL));
  return done();
}
