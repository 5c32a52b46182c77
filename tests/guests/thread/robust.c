// Robust mutexes whose owner ends: a thread, with nobody and with several waiting; a child process that exits, is killed,
// or executes a program, with a mutex in shared memory. And process-shared ones: among threads as a fork makes the memory
// known to others, and unlocked by a child.
// build: -pthread
#include <linux/futex.h>
#include <pthread.h>
#include "common.h"

static struct shared {
  pthread_mutex_t robust, plain;
  pthread_cond_t turned;
  long turn, sum;
} * shared;
static pthread_mutex_t own;
static long inherited;

static void init(pthread_mutex_t* m, int robustness, int sharing) {
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setrobust(&a, robustness);
  pthread_mutexattr_setpshared(&a, sharing);
  CHECK_EQ(pthread_mutex_init(m, &a), 0);
}

static void* dies(void* argument) {
  CHECK_EQ(pthread_mutex_lock(&own), 0);
  return argument;
}

static void* inherits(void* argument) {
  const int result = pthread_mutex_lock(&own);
  CHECK(result == 0 || result == EOWNERDEAD);
  if (result == EOWNERDEAD) {
    inherited++;
    CHECK_EQ(pthread_mutex_consistent(&own), 0);
  }
  if (argument != NULL) return NULL;  // with it
  CHECK_EQ(pthread_mutex_unlock(&own), 0);
  return NULL;
}

static void* takes_turns(void* argument) {
  const long self = (long)argument;
  for (int i = 0; i < 100; i++) {
    CHECK_EQ(pthread_mutex_lock(&shared->plain), 0);
    while (shared->turn != self) CHECK_EQ(pthread_cond_wait(&shared->turned, &shared->plain), 0);
    shared->sum += self + 1;
    shared->turn = !self;
    CHECK_EQ(pthread_cond_broadcast(&shared->turned), 0);
    CHECK_EQ(pthread_mutex_unlock(&shared->plain), 0);
  }
  return NULL;
}

/// Has somebody found the mutex locked? What it is locked by changes only behind that, at a call that waits.
static int is_waited_for(const pthread_mutex_t* m) {
  const unsigned word = (unsigned)*(volatile const int*)&m->__data.__lock;
  return m == &shared->plain ? word == 2 : (word & FUTEX_WAITERS) != 0;
}

static void wait_byte(int fd) {
  char c;
  CHECK_EQ(read(fd, &c, 1), 1);
}

/// The child ends with the mutex: before anybody wants it, or while this thread waits for it.
static void child_dies(int how, int waited_for) {
  int ends[2], status;
  MUST(pipe(ends));
  const pid_t child = MUST(fork());
  if (child == 0) {
    if (pthread_mutex_lock(&shared->robust) != 0) _exit(1);
    write(ends[1], "x", 1);
    while (waited_for && !is_waited_for(&shared->robust)) usleep(100);
    if (how == 0) _exit(0);
    if (how == 1) execl("/bin/true", "true", NULL);
    kill(getpid(), SIGKILL);
  }
  wait_byte(ends[0]);
  if (!waited_for) CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(pthread_mutex_lock(&shared->robust), EOWNERDEAD);
  CHECK_EQ(pthread_mutex_consistent(&shared->robust), 0);
  CHECK_EQ(pthread_mutex_unlock(&shared->robust), 0);
  if (waited_for) CHECK_EQ(waitpid(child, &status, 0), child);
  close(ends[0]), close(ends[1]);
}

static void child_unlocks(void) {
  int ends[2], status;
  MUST(pipe(ends));
  const pid_t child = MUST(fork());
  if (child == 0) {
    if (pthread_mutex_lock(&shared->plain) != 0) _exit(1);
    write(ends[1], "x", 1);
    while (!is_waited_for(&shared->plain)) usleep(100);
    shared->sum = 77;
    _exit(pthread_mutex_unlock(&shared->plain));
  }
  wait_byte(ends[0]);
  CHECK_EQ(pthread_mutex_lock(&shared->plain), 0);
  CHECK_EQ(shared->sum, 77);
  CHECK_EQ(pthread_mutex_unlock(&shared->plain), 0);
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  close(ends[0]), close(ends[1]);
}

static void* waits_for_children(void* argument) {
  for (int i = 0; i < 6; i++) child_dies(i / 2, i % 2);
  shared->sum = 0;
  child_unlocks();
  return argument;
}

static volatile int stop;
static void* spins(void* argument) {
  while (!stop) {
  }
  return argument;
}

int main(void) {
  pthread_t thread[4];
  shared = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  init(&own, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
  init(&shared->robust, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
  init(&shared->plain, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
  pthread_condattr_t a;
  pthread_condattr_init(&a);
  pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&shared->turned, &a);

  pthread_create(&thread[0], NULL, dies, NULL);
  pthread_join(thread[0], NULL);
  CHECK_EQ(pthread_mutex_trylock(&own), EOWNERDEAD);
  CHECK_EQ(pthread_mutex_consistent(&own), 0);
  for (long i = 0; i < 4; i++) pthread_create(&thread[i], NULL, inherits, (void*)(i % 2));
  CHECK_EQ(pthread_mutex_unlock(&own), 0);
  for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
  const int last = pthread_mutex_lock(&own);
  CHECK_EQ(inherited + (last == EOWNERDEAD), 2);

  // Threads of one process, while nobody else knows the memory; one waits as the fork makes it known.
  pthread_create(&thread[0], NULL, takes_turns, (void*)1);
  if (MUST(fork()) == 0) _exit(0);
  takes_turns((void*)0);
  pthread_join(thread[0], NULL);
  CHECK_EQ(shared->sum, 300);
  MUST(wait(NULL));

  pthread_create(&thread[0], NULL, spins, NULL);
  waits_for_children(NULL);
  stop = 1;
  pthread_join(thread[0], NULL);
  waits_for_children(NULL);  // without other threads
  return done();
}
