// Every clock: monotone, in agreement with one another, and sleeping takes its time.
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include "common.h"

static long long now(clockid_t clock) {
  struct timespec t;
  MUST(clock_gettime(clock, &t));
  CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void) {
  static const clockid_t clocks[] = {CLOCK_REALTIME,          CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
                                     CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                     CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,      CLOCK_TAI};
  struct timespec t;
  for (unsigned c = 0; c < sizeof clocks / sizeof *clocks; c++) {
    long long last = now(clocks[c]);
    for (int i = 0; i < 500; i++) {
      const long long next = now(clocks[c]);
      CHECK(next >= last);
      last = next;
    }
    MUST(clock_getres(clocks[c], &t));
    CHECK(t.tv_sec == 0 && t.tv_nsec > 0);
  }
  CHECK_ERR(clock_gettime(99, &t), EINVAL);
  CHECK_ERR(clock_getres(99, &t), EINVAL);
  CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
  for (int i = 0; i < 300; i++) {
    struct timeval tv;
    const long long before = now(CLOCK_REALTIME);
    CHECK_EQ(gettimeofday(&tv, NULL), 0);
    const long long middle = tv.tv_sec * 1000000000LL + tv.tv_usec * 1000LL;
    CHECK(middle >= before / 1000 * 1000 && middle <= now(CLOCK_REALTIME));
    const time_t seconds = time(NULL);
    CHECK(seconds >= before / 1000000000 - 1 && seconds <= now(CLOCK_REALTIME) / 1000000000);
  }
  // The system call and the vDSO agree.
  struct timespec a, b;
  MUST(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a));
  MUST(clock_gettime(CLOCK_MONOTONIC, &b));
  CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
  CHECK(b.tv_sec - a.tv_sec < 10);

  long long start = now(CLOCK_MONOTONIC);
  t = (struct timespec){0, 20000000};
  CHECK_EQ(nanosleep(&t, NULL), 0);
  CHECK(now(CLOCK_MONOTONIC) - start >= 20000000);
  start = now(CLOCK_MONOTONIC);
  CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL), 0);
  CHECK(now(CLOCK_MONOTONIC) - start >= 20000000);
  const long long until = now(CLOCK_MONOTONIC) + 15000000;
  t = (struct timespec){until / 1000000000, until % 1000000000};
  CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
  CHECK(now(CLOCK_MONOTONIC) >= until);
  start = now(CLOCK_MONOTONIC);
  CHECK_EQ(usleep(5000), 0);
  CHECK(now(CLOCK_MONOTONIC) - start >= 5000000);
  t = (struct timespec){0, 1000000000};
  CHECK_ERR(nanosleep(&t, NULL), EINVAL);
  const long long cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  volatile unsigned n = 0;
  while (n < 3000000) n++;
  CHECK(now(CLOCK_PROCESS_CPUTIME_ID) > cpu);
  struct timex x = {0};
  CHECK(adjtimex(&x) >= 0);
  struct tm broken;
  const time_t fixed = 1000000000;
  gmtime_r(&fixed, &broken);
  printf("%d-%d-%d %d:%d:%d\n", broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday, broken.tm_hour, broken.tm_min,
         broken.tm_sec);
  return done();
}
