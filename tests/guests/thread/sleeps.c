// Waits with a time limit beside a thread that runs all the time: they end in time, also where a session interrupts them
// again and again (--snapshot-every).
// build: -pthread
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include "common.h"

enum { ms = 60 };

static volatile int stop;
static volatile long spins;

static void* spin(void* argument) {
  while (!stop) spins++;
  return argument;
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

#define LASTS(call, result)                                                              \
  do {                                                                                   \
    const long long begin = now();                                                       \
    CHECK_EQ(call, result);                                                              \
    const long long took = now() - begin;                                                \
    if (took < ms * 1000000ll || took > ms * 1000000ll + 20000000000ll) CHECK_EQ(took, 0); \
  } while (0)

int main(void) {
  pthread_t thread;
  const struct timespec limit = {0, ms * 1000000};
  const sigset_t none = signal_set(SIGUSR1, 0, 0);
  uint32_t word = 0;
  struct epoll_event event;
  const int epoll = MUST(epoll_create1(0));
  pthread_sigmask(SIG_BLOCK, &none, NULL);
  pthread_create(&thread, NULL, spin, NULL);
  LASTS(nanosleep(&limit, NULL), 0);
  LASTS(clock_nanosleep(CLOCK_REALTIME, 0, &limit, NULL), 0);
  LASTS(poll(NULL, 0, ms), 0);
  LASTS(ppoll(NULL, 0, &limit, NULL), 0);
  struct timeval left = {0, ms * 1000};
  LASTS(select(0, NULL, NULL, NULL, &left), 0);
  LASTS(epoll_wait(epoll, &event, 1, ms), 0);
  LASTS(sigtimedwait(&none, NULL, &limit), -1);
  LASTS(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0), -1);
  stop = 1;
  pthread_join(thread, NULL);
  LASTS(nanosleep(&limit, NULL), 0);  // and without other threads
  CHECK(spins > 0);
  return done();
}
