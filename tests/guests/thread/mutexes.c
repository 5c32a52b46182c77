// Threads that are created, return values and are joined; mutexes of every kind, read-write locks, barriers, spin locks,
// once, and data of a thread's own.
// build: -pthread
#include <pthread.h>
#include <time.h>
#include "common.h"

enum { threads = 4, rounds = 20000 };

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, checked, recursive;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static __thread long own;
static long sum, spun, written, once_count, destroyed;

static void count_once(void) { once_count++; }
static void destroy(void* value) { __atomic_add_fetch(&destroyed, (long)value, __ATOMIC_SEQ_CST); }

static void* work(void* argument) {
  const long id = (long)argument;
  pthread_once(&once, count_once);
  pthread_setspecific(key, argument);
  for (int i = 0; i < rounds; i++) {
    own += id;
    pthread_mutex_lock(&plain);
    sum += id;
    pthread_mutex_unlock(&plain);
    if (i % 64 == 0) {
      pthread_spin_lock(&spin);
      spun++;
      pthread_spin_unlock(&spin);
      pthread_rwlock_rdlock(&rwlock);
      const long seen = written;
      pthread_rwlock_unlock(&rwlock);
      pthread_rwlock_wrlock(&rwlock);
      CHECK(written >= seen);
      written++;
      pthread_rwlock_unlock(&rwlock);
    }
  }
  CHECK_EQ(own, id * rounds);
  const int serial = pthread_barrier_wait(&barrier);
  CHECK(serial == 0 || serial == PTHREAD_BARRIER_SERIAL_THREAD);
  CHECK_EQ(sum, rounds * threads * (threads + 1) / 2);
  return serial == PTHREAD_BARRIER_SERIAL_THREAD ? argument : NULL;
}

static void* locks_held(void* argument) {
  (void)argument;
  struct timespec soon;
  CHECK_EQ(pthread_mutex_trylock(&checked), EBUSY);
  CHECK_EQ(pthread_mutex_unlock(&checked), EPERM);
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 2000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
  CHECK_EQ(pthread_mutex_timedlock(&checked, &soon), ETIMEDOUT);
  CHECK_EQ(pthread_mutex_trylock(&recursive), EBUSY);
  return NULL;
}

static void init(pthread_mutex_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutex_init(mutex, &attributes);
}

int main(void) {
  pthread_t thread[threads];
  init(&checked, PTHREAD_MUTEX_ERRORCHECK);
  init(&recursive, PTHREAD_MUTEX_RECURSIVE);
  pthread_barrier_init(&barrier, NULL, threads);
  pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
  pthread_key_create(&key, destroy);
  for (long i = 0; i < threads; i++) CHECK_EQ(pthread_create(&thread[i], NULL, work, (void*)(i + 1)), 0);
  int serials = 0;
  for (long i = 0; i < threads; i++) {
    void* result;
    CHECK_EQ(pthread_join(thread[i], &result), 0);
    if (result == NULL) continue;
    serials++;
    CHECK_EQ((long)result, i + 1);
  }
  CHECK_EQ(serials, 1);
  CHECK_EQ(once_count, 1);
  CHECK_EQ(destroyed, 10);
  CHECK_EQ(own, 0);
  CHECK_EQ(spun, threads * ((rounds + 63) / 64));
  CHECK_EQ(written, spun);

  CHECK_EQ(pthread_mutex_lock(&checked), 0);
  CHECK_EQ(pthread_mutex_lock(&checked), EDEADLK);
  CHECK_EQ(pthread_mutex_lock(&recursive), 0);
  CHECK_EQ(pthread_mutex_lock(&recursive), 0);
  pthread_create(&thread[0], NULL, locks_held, NULL);
  pthread_join(thread[0], NULL);
  CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
  CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
  CHECK_EQ(pthread_mutex_unlock(&checked), 0);
  return done();
}
