// build: -pthread
// Process-shared mutexes with priority inheritance, plain and robust: the kernel writes the waiters' bit, the new
// owner and the owner's death into their words. Owners end by exit, by SIGKILL of their own and from outside, and
// within threads; others wait for them meanwhile, try, or come later.
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include "common.h"

enum { processes = 3, rounds = 40 };

struct table {
  pthread_mutex_t plain, robust, other;
  int sum, torn, stage;
  unsigned word;  // a lock without the library
};
static volatile struct table* t;

static pthread_mutex_t* plain(void) { return (pthread_mutex_t*)&t->plain; }
static pthread_mutex_t* robust(void) { return (pthread_mutex_t*)&t->robust; }

static unsigned word_of(volatile pthread_mutex_t* mutex) { return *(volatile unsigned*)mutex; }

static void make(void) {
  t = MUST(mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  pthread_mutexattr_t mutex;
  pthread_mutexattr_init(&mutex);
  pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
  CHECK_EQ(pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT), 0);
  CHECK_EQ(pthread_mutex_init(plain(), &mutex), 0);
  pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
  CHECK_EQ(pthread_mutex_init(robust(), &mutex), 0);
  CHECK_EQ(pthread_mutex_init((pthread_mutex_t*)&t->other, &mutex), 0);
}

static void ended(pid_t pid, int wanted) {
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, wanted);
}

/// Waits until somebody waits for the mutex: the kernel says so in its word.
static void until_awaited(pthread_mutex_t* mutex) {
  while (!(word_of(mutex) & FUTEX_WAITERS)) sched_yield();
}

static void contended(pthread_mutex_t* mutex) {
  t->sum = 0;
  pid_t children[processes];
  for (int n = 0; n < processes; n++) {
    children[n] = MUST(fork());
    if (children[n] != 0) continue;
    for (int i = 0; i < rounds; i++) {
      if (pthread_mutex_lock(mutex) != 0) _exit(1);
      if ((word_of(mutex) & FUTEX_TID_MASK) != (unsigned)gettid()) _exit(2);
      const int seen = t->sum;
      if (i % 4 == 0) sched_yield();
      t->sum = seen + 1;
      if (pthread_mutex_unlock(mutex) != 0) _exit(3);
    }
    _exit(0);
  }
  for (int n = 0; n < processes; n++) ended(children[n], 0);
  CHECK_EQ(t->sum, processes * rounds);
  CHECK_EQ(word_of(mutex), 0);
}

/// How an owner ends; it holds the mutex then.
enum end { exits, kills_itself, is_killed, executes, in_a_thread, ends };

static void* locks_and_ends(void* unused) {
  pthread_mutex_lock(robust());
  t->torn = 1;
  until_awaited(robust());
  return unused;
}

static void owner(enum end how) {
  if (how == in_a_thread) {
    pthread_t thread;
    pthread_create(&thread, NULL, locks_and_ends, NULL);
    pthread_join(thread, NULL);
    while (t->stage != 1) sched_yield();
    _exit(0);
  }
  pthread_mutex_lock(robust());
  t->torn = 1;
  until_awaited(robust());
  if (how == kills_itself) raise(SIGKILL);
  if (how == executes) execl("/bin/true", "true", NULL);
  while (how == is_killed) sched_yield();
  _exit(0);
}

static void takes_over(enum end how) {
  t->torn = t->stage = 0;
  const pid_t pid = MUST(fork());
  if (pid == 0) owner(how);
  pid_t killer = 0;
  if (how == is_killed) {
    killer = MUST(fork());
    if (killer == 0) {
      until_awaited(robust());
      _exit(kill(pid, SIGKILL) != 0);
    }
  }
  while (t->torn == 0) sched_yield();
  CHECK_EQ(pthread_mutex_lock(robust()), EOWNERDEAD);
  const unsigned word = word_of(robust());
  CHECK_EQ(word & FUTEX_TID_MASK, gettid());
  CHECK_EQ(t->torn, 1);
  CHECK_EQ(pthread_mutex_consistent(robust()), 0);
  CHECK_EQ(pthread_mutex_unlock(robust()), 0);
  CHECK_EQ(word_of(robust()), 0);
  t->stage = 1;
  if (killer != 0) ended(killer, 0);
  ended(pid, how == kills_itself || how == is_killed ? SIGKILL : 0);
}

/// Two wait when the owner dies; each of them gets it, the second by the first's unlocking.
static void two_wait(enum end how) {
  t->torn = t->stage = t->sum = 0;
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    pthread_mutex_lock(robust());
    t->torn = 1;
    while (t->stage != 2) sched_yield();
    until_awaited(robust());
    if (how == kills_itself) raise(SIGKILL);
    _exit(0);
  }
  while (t->torn == 0) sched_yield();
  pid_t waiting[2];
  for (int n = 0; n < 2; n++) {
    waiting[n] = MUST(fork());
    if (waiting[n] != 0) continue;
    __sync_fetch_and_add(&t->stage, 1);
    const int r = pthread_mutex_lock(robust());
    if (r == EOWNERDEAD) {
      __sync_fetch_and_add(&t->sum, 1);
      if (pthread_mutex_consistent(robust()) != 0) _exit(1);
    } else if (r != 0) {
      _exit(2);
    }
    _exit(pthread_mutex_unlock(robust()) != 0);
  }
  for (int n = 0; n < 2; n++) ended(waiting[n], 0);
  ended(pid, how == kills_itself ? SIGKILL : 0);
  CHECK_EQ(t->sum, 1);
}

/// Nobody waits: the word says that the owner died; who tries gets it. Who does not make it consistent spoils it.
static void comes_later(enum end how) {
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    pthread_mutex_lock((pthread_mutex_t*)&t->other);
    if (how == kills_itself) raise(SIGKILL);
    _exit(0);
  }
  ended(pid, how == kills_itself ? SIGKILL : 0);
  CHECK_EQ(word_of(&t->other), FUTEX_OWNER_DIED | (how == ends ? (unsigned)pid : 0));
  CHECK_EQ(pthread_mutex_trylock((pthread_mutex_t*)&t->other), EOWNERDEAD);
  if (how == exits) CHECK_EQ(pthread_mutex_consistent((pthread_mutex_t*)&t->other), 0);
  CHECK_EQ(pthread_mutex_unlock((pthread_mutex_t*)&t->other), 0);
  CHECK_EQ(pthread_mutex_lock((pthread_mutex_t*)&t->other), how == exits ? 0 : ENOTRECOVERABLE);
  if (how == exits) CHECK_EQ(pthread_mutex_unlock((pthread_mutex_t*)&t->other), 0);
}

static long futex(volatile unsigned* word, int operation, const struct timespec* limit) {
  return syscall(SYS_futex, word, operation, 0, limit, NULL, 0);
}

/// The calls themselves: what they leave in the word.
static void by_call(void) {
  const unsigned own = (unsigned)gettid();
  t->word = t->stage = 0;
  CHECK_EQ(futex(&t->word, FUTEX_LOCK_PI, NULL), 0);
  CHECK_EQ(t->word, own);
  CHECK_ERR(futex(&t->word, FUTEX_LOCK_PI, NULL), EDEADLK);
  CHECK_ERR(futex(&t->word, FUTEX_TRYLOCK_PI, NULL), EDEADLK);
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    const struct timespec past = {1, 0};
    if (futex(&t->word, FUTEX_TRYLOCK_PI, NULL) != -1 || errno != EAGAIN) _exit(1);
    if (futex(&t->word, FUTEX_LOCK_PI, &past) != -1 || errno != ETIMEDOUT) _exit(2);
    if (futex(&t->word, FUTEX_UNLOCK_PI, NULL) != -1 || errno != EPERM) _exit(3);
    t->stage = 1;
    if (futex(&t->word, FUTEX_LOCK_PI, NULL) != 0) _exit(4);
    if ((t->word & FUTEX_TID_MASK) != (unsigned)gettid()) _exit(5);
    if (futex(&t->word, FUTEX_UNLOCK_PI, NULL) != 0) _exit(6);
    t->stage = 2;
    _exit(0);
  }
  while (t->stage != 1) sched_yield();
  // It may have been there before, without anybody waiting any more.
  while (!(t->word & FUTEX_WAITERS)) sched_yield();
  CHECK_EQ(futex(&t->word, FUTEX_UNLOCK_PI, NULL), 0);
  ended(pid, 0);
  CHECK_EQ(t->stage, 2);
  CHECK_EQ(t->word, 0);
  // Of an owner that is not there.
  t->word = (unsigned)pid;
  CHECK_ERR(futex(&t->word, FUTEX_LOCK_PI, NULL), ESRCH);
  t->word = 0;
}

int main(void) {
  make();
  contended(plain());
  contended(robust());
  for (enum end how = exits; how < ends; how++) takes_over(how);
  two_wait(exits);
  two_wait(kills_itself);
  comes_later(exits);
  by_call();
  comes_later(kills_itself);
  return done();
}
