// Several threads of either side: each has a channel to one of the other side, and all count together.
#include <pthread.h>
#include "channel.h"

enum { threads = 3, rounds = 3000, turns = 20 };

struct memory {
  struct meeting meeting;
  pthread_mutex_t lock;
  volatile u64 under_lock, tickets;
  struct channel channel[threads];
};
static struct memory* m;
static u64 sums[threads];

static void* talk(void* number) {
  const u32 n = (u32)(size_t)number;
  for (u32 turn = 0; turn < turns; turn++) {
    const u64 sum = (is_partner ? ask : answer)(&m->channel[n], turn * (rounds / turns), rounds / turns);
    sums[n] = sums[n] * 31 + sum;
    pthread_mutex_lock(&m->lock);
    const u64 before = m->under_lock;
    sched_yield();
    m->under_lock = before + 1;
    pthread_mutex_unlock(&m->lock);
    __atomic_fetch_add(&m->tickets, 1, __ATOMIC_SEQ_CST);
  }
  return NULL;
}

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  if (is_partner) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&m->lock, &attributes);
  }
  meet(&m->meeting, "the lock");
  pthread_t ids[threads];
  for (size_t i = 0; i < threads; i++) pthread_create(&ids[i], NULL, talk, (void*)i);
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  meet(&m->meeting, "the threads");
  CHECK_EQ(m->under_lock, 2 * threads * turns);
  CHECK_EQ(m->tickets, 2 * threads * turns);
  for (int i = 0; i < threads; i++) printf("thread %d: %d messages, sum %llx\n", i, rounds, sums[i]);
  return done();
}
