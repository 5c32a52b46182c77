// build: -pthread
// Process-shared objects of the pthread library: mutexes, robust ones whose owner dies, conditions, barriers,
// read-write locks, semaphores; between processes, and between processes with threads.
#include <pthread.h>
#include <semaphore.h>
#include "common.h"

enum { processes = 3, rounds = 60 };

struct table {
  pthread_mutex_t lock, robust;
  pthread_cond_t changed;
  pthread_barrier_t barrier;
  pthread_rwlock_t readers;
  sem_t items;
  int turn, sum, phases[processes], pair[2], torn;
};
static struct table* t;

static void make(void) {
  t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t mutex;
  pthread_mutexattr_init(&mutex);
  pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&t->lock, &mutex);
  pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&t->robust, &mutex);
  pthread_condattr_t cond;
  pthread_condattr_init(&cond);
  pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&t->changed, &cond);
  pthread_barrierattr_t barrier;
  pthread_barrierattr_init(&barrier);
  pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&t->barrier, &barrier, processes);
  pthread_rwlockattr_t rw;
  pthread_rwlockattr_init(&rw);
  pthread_rwlockattr_setpshared(&rw, PTHREAD_PROCESS_SHARED);
  pthread_rwlock_init(&t->readers, &rw);
  sem_init(&t->items, 1, 0);
}

static void in_children(void (*body)(int)) {
  for (int n = 0; n < processes; n++) {
    if (MUST(fork()) != 0) continue;
    body(n);
    _exit(0);
  }
  int status;
  for (int n = 0; n < processes; n++) {
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
  }
}

/// One after the other, by the condition variable.
static void take_turns(int n) {
  for (int i = 0; i < rounds; i++) {
    pthread_mutex_lock(&t->lock);
    while (t->turn % processes != n) pthread_cond_wait(&t->changed, &t->lock);
    t->turn++;
    t->sum += n;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
  }
}

static void in_phases(int n) {
  for (int i = 1; i <= rounds; i++) {
    t->phases[n] = i;
    pthread_barrier_wait(&t->barrier);
    for (int other = 0; other < processes; other++) {
      if (t->phases[other] != i) _exit(1);
    }
    pthread_barrier_wait(&t->barrier);
  }
}

static void read_and_write(int n) {
  for (int i = 0; i < rounds; i++) {
    if (n == 0) {
      pthread_rwlock_wrlock(&t->readers);
      t->pair[0]++;
      if (i % 8 == 0) sched_yield();
      t->pair[1]++;
    } else {
      pthread_rwlock_rdlock(&t->readers);
      if (t->pair[0] != t->pair[1]) _exit(1);
    }
    pthread_rwlock_unlock(&t->readers);
  }
}

static void* add_some(void* unused) {
  for (int i = 0; i < rounds; i++) {
    pthread_mutex_lock(&t->lock);
    const int seen = t->sum;
    if (i % 16 == 0) sched_yield();
    t->sum = seen + 1;
    pthread_mutex_unlock(&t->lock);
    sem_post(&t->items);
  }
  return unused;
}
static void with_threads(int n) {
  (void)n;
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, add_some, NULL);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

static void robust(void) {
  for (int by_signal = 0; by_signal < 2; by_signal++) {
    const pid_t pid = MUST(fork());
    if (pid == 0) {
      pthread_mutex_lock(&t->robust);
      t->torn = 1;
      if (by_signal) raise(SIGKILL);
      _exit(0);
    }
    // Before or after its death, by whoever comes first.
    for (;;) {
      const int r = pthread_mutex_lock(&t->robust);
      if (r == EOWNERDEAD) break;
      CHECK_EQ(r, 0);
      pthread_mutex_unlock(&t->robust);
      sched_yield();
    }
    CHECK_EQ(t->torn, 1);
    t->torn = 0;
    CHECK_EQ(pthread_mutex_consistent(&t->robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&t->robust), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
  }
}

int main(void) {
  make();
  in_children(take_turns);
  CHECK_EQ(t->turn, processes * rounds);
  CHECK_EQ(t->sum, rounds * 3);
  in_children(in_phases);
  in_children(read_and_write);
  CHECK(t->pair[0] == rounds && t->pair[1] == rounds);
  t->sum = 0;
  in_children(with_threads);
  CHECK_EQ(t->sum, processes * 2 * rounds);
  int items = 0;
  while (sem_trywait(&t->items) == 0) items++;
  CHECK_EQ(items, processes * 2 * rounds);
  robust();
  return done();
}
