// Locks with priority inheritance (the kernel writes the word): mutexes of every kind, and the futex operations themselves,
// with what they refuse.
// build: -pthread
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>
#include "common.h"

enum { threads = 4, rounds = 1000 };

static pthread_mutex_t mutex, recursive, checked, robust;
static long sum;
static int ends[2];

static long futex(uint32_t* word, int op, uint32_t value, const void* limit, uint32_t* other, uint32_t last) {
  return syscall(SYS_futex, word, op, value, limit, other, last);
}

static void init(pthread_mutex_t* m, int type, int robustness) {
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  CHECK_EQ(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT), 0);
  pthread_mutexattr_settype(&a, type);
  pthread_mutexattr_setrobust(&a, robustness);
  CHECK_EQ(pthread_mutex_init(m, &a), 0);
}

static void* work(void* argument) {
  for (int i = 0; i < rounds; i++) {
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    sum++;
    if (i % 256 == 0) sched_yield();  // others find it locked
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
  }
  return argument;
}

static void in_ms(struct timespec* t, long ms) {
  clock_gettime(CLOCK_REALTIME, t);
  t->tv_nsec += ms * 1000000;
  t->tv_sec += t->tv_nsec / 1000000000;
  t->tv_nsec %= 1000000000;
}

static void* finds_locked(void* argument) {
  struct timespec soon;
  CHECK_EQ(pthread_mutex_trylock(&checked), EBUSY);
  CHECK_EQ(pthread_mutex_unlock(&checked), EPERM);
  in_ms(&soon, 3);
  CHECK_EQ(pthread_mutex_timedlock(&checked, &soon), ETIMEDOUT);
  CHECK_EQ(pthread_mutex_trylock(&recursive), EBUSY);
  CHECK_EQ(write(ends[1], "x", 1), 1);
  CHECK_EQ(pthread_mutex_lock(&checked), 0);  // handed over by its owner
  CHECK_EQ(pthread_mutex_unlock(&checked), 0);
  return argument;
}

static void* dies_with_it(void* argument) {
  CHECK_EQ(pthread_mutex_lock(&robust), 0);
  if (argument != NULL) {  // until somebody waits for it
    CHECK_EQ(write(ends[1], "x", 1), 1);
    struct timespec ms = {0, 3000000};
    nanosleep(&ms, NULL);
  }
  return NULL;
}

static uint32_t lock, condition;

static void* waits_then_locks(void* argument) {
  const uint32_t self = (uint32_t)syscall(SYS_gettid);
  CHECK_EQ(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 7, NULL, &lock, 0), 0);
  CHECK_EQ(__atomic_load_n(&lock, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK, self);
  CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
  return argument;
}

static void* ends_at_once(void* argument) {
  *(uint32_t*)argument = (uint32_t)syscall(SYS_gettid);
  return NULL;
}

static void raw(void) {
  const uint32_t self = (uint32_t)syscall(SYS_gettid);
  uint32_t gone = 0;
  pthread_t thread[3];
  struct timespec soon;
  lock = 0;
  CHECK_EQ(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
  CHECK_EQ(lock, self);
  CHECK_ERR(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
  CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
  CHECK_EQ(lock, 0);
  CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EPERM);
  CHECK_EQ(futex(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
  CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
  pthread_create(&thread[0], NULL, ends_at_once, &gone);
  pthread_join(thread[0], NULL);
  while (syscall(SYS_tgkill, getpid(), gone, 0) == 0) sched_yield();
  lock = gone;
  CHECK_ERR(futex(&lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), ESRCH);
  lock = 0;

  CHECK_ERR(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 6, NULL, &lock, 0), EWOULDBLOCK);
  condition = 7;
  in_ms(&soon, 2);
  CHECK_ERR(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 7, &soon, &lock, 0), ETIMEDOUT);
  CHECK_ERR(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void*)10, &lock, 7), EINVAL);
  CHECK_ERR(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void*)10, &lock, 6), EWOULDBLOCK);
  CHECK_EQ(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void*)10, &lock, 7), 0);
  for (int i = 0; i < 3; i++) pthread_create(&thread[i], NULL, waits_then_locks, NULL);
  long moved = 0;
  while (moved < 3) {
    const long n = futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void*)10, &lock, 7);
    CHECK(n >= 0);
    moved += n;
    sched_yield();
  }
  for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
  CHECK_EQ(lock & FUTEX_TID_MASK, 0);
}

int main(void) {
  pthread_t thread[threads];
  char c;
  MUST(pipe(ends));
  init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
  init(&recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
  init(&checked, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
  init(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
  for (int i = 0; i < threads; i++) pthread_create(&thread[i], NULL, work, NULL);
  for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  CHECK_EQ(sum, threads * rounds);

  CHECK_EQ(pthread_mutex_lock(&checked), 0);
  CHECK_EQ(pthread_mutex_lock(&checked), EDEADLK);
  CHECK_EQ(pthread_mutex_lock(&recursive), 0);
  CHECK_EQ(pthread_mutex_lock(&recursive), 0);
  pthread_create(&thread[0], NULL, finds_locked, NULL);
  CHECK_EQ(read(ends[0], &c, 1), 1);
  CHECK_EQ(pthread_mutex_unlock(&checked), 0);
  pthread_join(thread[0], NULL);
  CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
  CHECK_EQ(pthread_mutex_unlock(&recursive), 0);

  for (long waited_for = 0; waited_for < 2; waited_for++) {
    pthread_create(&thread[0], NULL, dies_with_it, (void*)waited_for);
    if (waited_for) {
      CHECK_EQ(read(ends[0], &c, 1), 1);
    } else {
      pthread_join(thread[0], NULL);
    }
    CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    CHECK_EQ(pthread_mutex_lock(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    if (waited_for) pthread_join(thread[0], NULL);
  }
  raw();
  return done();
}
