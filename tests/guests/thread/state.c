// What every thread has for itself: vector registers, rounding modes, the x87 stack, segment bases, its name and ids. It
// is whole after other threads have run.
// build: -pthread -lm
#include <asm/prctl.h>
#include <fenv.h>
#include <immintrin.h>
#include <pthread.h>
#include <sys/prctl.h>
#include "common.h"

enum { threads = 4 };

static const int rounding[threads] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
static _Atomic long switches;

static void* work(void* argument) {
  const long id = (long)argument;
  char name[16], seen[16];
  snprintf(name, sizeof name, "worker-%ld", id);
  MUST(prctl(PR_SET_NAME, name));
  static long words[threads];
  words[id] = 1000 + id;
  MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, &words[id]));
  fesetround(rounding[id]);
  const int tid = (int)syscall(SYS_gettid);
  const pthread_t self = pthread_self();
  long seen_word = 0;
  for (int round = 0; round < 400; round++) {
    double x0 = (double)id + round, x15 = -x0;
    long double deep = 1.0L / 3 + x0, result;
    // Registers hold the values while others run.
    __asm__ volatile(
        "fldt %2\n\t movsd %3, %%xmm7\n\t movsd %4, %%xmm15\n\t"
        "mov $24, %%eax\n\t syscall\n\t"  // sched_yield
        "fstpt %0\n\t movsd %%xmm7, %3\n\t movsd %%xmm15, %4\n\t mov %%gs:0, %1"
        : "=m"(result), "=r"(seen_word), "+m"(deep), "+m"(x0), "+m"(x15)
        :
        : "rax", "rcx", "r11", "xmm7", "xmm15", "memory");
    CHECK(result == deep);
    CHECK_EQ(seen_word, 1000 + id);
    CHECK(x0 == (double)id + round && x15 == -x0);
    switches++;
  }
  long word;
  __asm__ volatile("mov %%gs:0, %0" : "=r"(word));
  CHECK_EQ(word, 1000 + id);
  CHECK_EQ(fegetround(), rounding[id]);
  volatile double one = 1, three = 3;
  const double third = one / three;
  CHECK(third == (rounding[id] == FE_UPWARD ? 0x1.5555555555556p-2 : 0x1.5555555555555p-2));
  MUST(prctl(PR_GET_NAME, seen));
  CHECK(strcmp(name, seen) == 0);
  CHECK_EQ(syscall(SYS_gettid), tid);
  CHECK(self == pthread_self());
  return (void*)(long)tid;
}

int main(void) {
  pthread_t thread[threads];
  long ids[threads];
  MUST(prctl(PR_SET_NAME, "first"));
  for (long i = 0; i < threads; i++) pthread_create(&thread[i], NULL, work, (void*)i);
  for (long i = 0; i < threads; i++) {
    void* result;
    pthread_join(thread[i], &result);
    ids[i] = (long)result;
    for (long j = 0; j < i; j++) CHECK(ids[i] != ids[j]);
    CHECK(ids[i] != getpid());
  }
  char name[16];
  MUST(prctl(PR_GET_NAME, name));
  CHECK(strcmp(name, "first") == 0);
  CHECK_EQ(syscall(SYS_gettid), getpid());
  CHECK_EQ(switches, threads * 400);
  return done();
}
