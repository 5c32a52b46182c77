// A process-shared mutex with priority inheritance: its word holds the id of the thread that owns it, and the kernel
// hands it over, also from an owner that dies.
#include <linux/futex.h>
#include <pthread.h>
#include "sides.h"

enum { rounds = 1000 };

struct memory {
  struct meeting meeting;
  pthread_mutex_t lock;
  volatile u32 count, owners;
};
static struct memory* m;

static void make(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  CHECK_EQ(pthread_mutex_init(&m->lock, &attributes), 0);
}

static void count(void) {
  for (u32 i = 0; i < rounds; i++) {
    CHECK_EQ(pthread_mutex_lock(&m->lock), 0);
    const u32 before = m->count;
    if (i % 16 == is_partner) sched_yield();
    CHECK_EQ(m->lock.__data.__lock & FUTEX_TID_MASK, gettid());
    m->count = before + 1;
    CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
  }
  meet(&m->meeting, "the end of the counting");
  CHECK_EQ(m->count, 2 * rounds);
}

/// Ends as owner once somebody waits for it in the kernel.
static noreturn void die_as_owner(u32 number) {
  if (pthread_mutex_lock(&m->lock) != 0) _exit(1);
  tell(&m->owners, number);
  while ((seen((const volatile u32*)&m->lock.__data.__lock) & FUTEX_WAITERS) == 0) sched_yield();
  _exit(0);
}

static void outlive_owners(void) {
  for (u32 i = 0; i < 2; i++) {
    if (is_partner == (i == 0)) {
      fflush(stdout);
      const pid_t child = MUST(fork());
      if (child == 0) die_as_owner(i + 1);
      int status;
      CHECK_EQ(waitpid(child, &status, 0), child);
      CHECK_EQ(status, 0);
    } else {
      wait_for(&m->owners, i + 1, "an owner");
      CHECK_EQ(pthread_mutex_lock(&m->lock), EOWNERDEAD);
      CHECK_EQ(pthread_mutex_consistent(&m->lock), 0);
      CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
    }
    meet(&m->meeting, "an heir");
  }
}

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  if (is_partner) make();
  meet(&m->meeting, "the mutex");
  count();
  puts("counted");
  outlive_owners();
  puts("outlived");
  return done();
}
