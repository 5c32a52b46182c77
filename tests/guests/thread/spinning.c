// Threads that wait for each other without any system call, and races whose outcome is anything: every one must be
// re-executed as it was.
// build: -pthread
#include <pthread.h>
#include "common.h"

enum { threads = 4 };

static volatile int stage;
static volatile long lost;          // a counter without a lock
static _Atomic int tickets, served;  // a ticket lock
static long guarded;
static volatile unsigned sequence;  // a sequence lock
static volatile long pair[2];

static void* relay(void* argument) {
  const int own = (int)(long)argument;
  while (stage != own) {
  }
  stage = own + 1;
  for (int i = 0; i < 200000; i++) lost = lost + 1;
  for (int i = 0; i < 2000; i++) {
    const int ticket = tickets++;
    while (served != ticket) __builtin_ia32_pause();
    guarded++;
    served++;
  }
  return NULL;
}

static void* write_pairs(void* argument) {
  for (long i = 1; i <= 300000; i++) {
    sequence++;
    __asm__ volatile("" ::: "memory");
    pair[0] = i;
    pair[1] = -i;
    __asm__ volatile("" ::: "memory");
    sequence++;
  }
  return argument;
}

int main(void) {
  pthread_t thread[threads];
  for (long i = 0; i < threads; i++) pthread_create(&thread[i], NULL, relay, (void*)(i + 1));
  stage = 1;
  for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  CHECK_EQ(stage, threads + 1);
  CHECK_EQ(guarded, threads * 2000);
  CHECK(lost > 0 && lost <= threads * 200000);

  pthread_create(&thread[0], NULL, write_pairs, NULL);
  long last = 0;
  while (last != 300000) {
    const unsigned before = sequence;
    const long a = pair[0], b = pair[1];
    if (before % 2 != 0 || before != sequence) continue;
    CHECK_EQ(a, -b);
    CHECK(a >= last);
    last = a;
  }
  pthread_join(thread[0], NULL);
  return done();
}
