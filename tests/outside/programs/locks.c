// Process-shared objects of the pthread library between the two sides (mutexes, robust ones whose owner dies,
// conditions, barriers, read-write locks, semaphores), and futexes themselves.
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include "sides.h"

enum { rounds = 1000, slots = 8 };

struct memory {
  struct meeting meeting;
  pthread_mutex_t lock, robust;
  pthread_cond_t changed;
  pthread_barrier_t barrier;
  pthread_rwlock_t readers;
  sem_t filled[2], empty[2];
  u32 slot[2][slots], serial[2];
  volatile u32 count, turn, torn, phase[2], pair[2], holds, done, owners;
  volatile u32 word, other_word, woken, additions;
};
static struct memory* m;
static u32 own;

static void make(void) {
  pthread_mutexattr_t mutex;
  pthread_mutexattr_init(&mutex);
  pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&m->lock, &mutex);
  pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&m->robust, &mutex);
  pthread_condattr_t condition;
  pthread_condattr_init(&condition);
  pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&m->changed, &condition);
  pthread_barrierattr_t barrier;
  pthread_barrierattr_init(&barrier);
  pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&m->barrier, &barrier, 2);
  pthread_rwlockattr_t readers;
  pthread_rwlockattr_init(&readers);
  pthread_rwlockattr_setpshared(&readers, PTHREAD_PROCESS_SHARED);
  pthread_rwlock_init(&m->readers, &readers);
  for (int side = 0; side < 2; side++) {
    sem_init(&m->filled[side], 1, 0);
    sem_init(&m->empty[side], 1, slots);
  }
}

static struct timespec in_milliseconds(clockid_t clock, long n) {
  struct timespec t;
  clock_gettime(clock, &t);
  t.tv_nsec += n * 1000000;
  t.tv_sec += t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}

static void count_under_mutex(void) {
  for (u32 i = 0; i < rounds; i++) {
    CHECK_EQ(pthread_mutex_lock(&m->lock), 0);
    const u32 before = m->count;
    if (i % 16 == own) sched_yield();
    m->count = before + 1;
    CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
  }
  meet(&m->meeting, "the end of the mutex");
  CHECK_EQ(m->count, 2 * rounds);
}

/// One side holds the mutex while the other tries in vain, and then waits for it.
static void time_out(void) {
  for (u32 holder = 0; holder < 2; holder++) {
    if (own == holder) {
      CHECK_EQ(pthread_mutex_lock(&m->lock), 0);
      tell(&m->holds, holder + 1);
      wait_for(&m->done, holder + 1, "the end of the other side's time limit");
      CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
    } else {
      wait_for(&m->holds, holder + 1, "the other side to hold the mutex");
      CHECK_EQ(pthread_mutex_trylock(&m->lock), EBUSY);
      const struct timespec until = in_milliseconds(CLOCK_REALTIME, 20);
      CHECK_EQ(pthread_mutex_timedlock(&m->lock, &until), ETIMEDOUT);
      tell(&m->done, holder + 1);
      CHECK_EQ(pthread_mutex_lock(&m->lock), 0);
      CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
    }
    meet(&m->meeting, "the end of the time limits");
  }
}

/// Ends with the mutex in hand once somebody waits for it in the kernel.
static noreturn void die_as_owner(u32 number, bool by_signal) {
  if (pthread_mutex_lock(&m->robust) != 0) _exit(1);
  m->torn = 1;
  tell(&m->owners, number);
  const volatile u32* word = (const volatile u32*)&m->robust.__data.__lock;
  for (unsigned turns = 0; (seen(word) & FUTEX_WAITERS) == 0; turns++) relax(turns);
  if (by_signal) raise(SIGKILL);
  _exit(0);
}

static void inherit(u32 number) {
  wait_for(&m->owners, number, "an owner of the robust mutex");
  CHECK_EQ(pthread_mutex_lock(&m->robust), EOWNERDEAD);
  CHECK_EQ(m->torn, 1);
  m->torn = 0;
  CHECK_EQ(pthread_mutex_consistent(&m->robust), 0);
  CHECK_EQ(pthread_mutex_unlock(&m->robust), 0);
}

/// A child of one side dies as owner of the mutex for which the other side waits.
static void outlive_owners(void) {
  for (u32 i = 0; i < 4; i++) {
    if (own == i % 2) {
      fflush(stdout);
      const pid_t child = MUST(fork());
      if (child == 0) die_as_owner(i + 1, i >= 2);
      CHECK_EQ(waitpid(child, NULL, 0), child);
    } else {
      inherit(i + 1);
    }
    meet(&m->meeting, "an heir");
    CHECK_EQ(pthread_mutex_lock(&m->robust), 0);
    CHECK_EQ(m->torn, 0);
    CHECK_EQ(pthread_mutex_unlock(&m->robust), 0);
    meet(&m->meeting, "the end of a dead owner");
  }
}

static void take_turns(void) {
  for (u32 i = 0; i < rounds / 2; i++) {
    CHECK_EQ(pthread_mutex_lock(&m->lock), 0);
    while (m->turn % 2 != own) CHECK_EQ(pthread_cond_wait(&m->changed, &m->lock), 0);
    m->turn++;
    CHECK_EQ(i % 2 ? pthread_cond_broadcast(&m->changed) : pthread_cond_signal(&m->changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
  }
  meet(&m->meeting, "the end of the turns");
  CHECK_EQ(m->turn, rounds / 2 * 2);
  CHECK_EQ(pthread_mutex_lock(&m->lock), 0);
  const struct timespec until = in_milliseconds(CLOCK_REALTIME, 20);
  CHECK_EQ(pthread_cond_timedwait(&m->changed, &m->lock, &until), ETIMEDOUT);
  CHECK_EQ(pthread_mutex_unlock(&m->lock), 0);
}

static void in_phases(void) {
  for (u32 i = 1; i <= rounds / 2; i++) {
    m->phase[own] = i;
    m->serial[own] += pthread_barrier_wait(&m->barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
    CHECK_EQ(m->phase[!own], i);
    m->serial[own] += pthread_barrier_wait(&m->barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
  }
  meet(&m->meeting, "the end of the phases");
  CHECK_EQ(m->serial[0] + m->serial[1], rounds / 2 * 2);
}

static void read_and_write(void) {
  for (u32 i = 0; i < rounds; i++) {
    const bool writes = i % 4 == own;
    CHECK_EQ(writes ? pthread_rwlock_wrlock(&m->readers) : pthread_rwlock_rdlock(&m->readers), 0);
    if (writes) m->pair[0]++;
    if (writes && i % 16 == own) sched_yield();
    if (writes) m->pair[1]++;
    CHECK_EQ(m->pair[0], m->pair[1]);
    CHECK_EQ(pthread_rwlock_unlock(&m->readers), 0);
  }
  meet(&m->meeting, "the end of the readers");
  CHECK_EQ(m->pair[0], rounds / 4 * 2);
}

/// A ring in each direction. The one of the recorded side is filled by the partner first.
static void fill(u32 ring) {
  for (u32 i = 0; i < rounds; i++) {
    CHECK_EQ(sem_wait(&m->empty[ring]), 0);
    m->slot[ring][i % slots] = i * 7 + ring;
    CHECK_EQ(sem_post(&m->filled[ring]), 0);
  }
}
static void drain(u32 ring) {
  u32 wrong = 0;
  for (u32 i = 0; i < rounds; i++) {
    CHECK_EQ(sem_wait(&m->filled[ring]), 0);
    wrong += m->slot[ring][i % slots] != i * 7 + ring;
    CHECK_EQ(sem_post(&m->empty[ring]), 0);
  }
  CHECK_EQ(wrong, 0);
}
static void pass_items(void) {
  for (u32 ring = 0; ring < 2; ring++) (own == ring ? drain : fill)(ring);
  meet(&m->meeting, "the end of the items");
  CHECK_ERR(sem_trywait(&m->filled[own]), EAGAIN);
  const struct timespec until = in_milliseconds(CLOCK_REALTIME, 20);
  CHECK_ERR(sem_timedwait(&m->filled[own], &until), ETIMEDOUT);
}

static long futex(volatile u32* word, int operation, u32 value, const void* fourth, volatile u32* second, u32 last) {
  return syscall(SYS_futex, word, operation, value, fourth, second, last);
}

/// Each sleeps until the other has made the number odd or even.
static void sleep_in_turns(void) {
  for (u32 i = 0; i < rounds; i++) {
    for (;;) {
      const u32 now = seen(&m->word);
      if (now % 2 == own) break;
      const long result = futex(&m->word, FUTEX_WAIT, now, NULL, NULL, 0);
      CHECK(result == 0 || errno == EAGAIN);
    }
    __atomic_fetch_add(&m->word, 1, __ATOMIC_SEQ_CST);
    CHECK(futex(&m->word, FUTEX_WAKE, 1, NULL, NULL, 0) <= 1);
  }
  meet(&m->meeting, "the end of the futex");
  CHECK_EQ(m->word, 2 * rounds);
  CHECK_ERR(futex(&m->word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
  const struct timespec limit = {0, 5000000};
  CHECK_ERR(futex(&m->word, FUTEX_WAIT, 2 * rounds, &limit, NULL, 0), ETIMEDOUT);
}

static void wake_by_bits(void) { futex(&m->other_word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 6); }
static void wake_and_add(void) {
  const u32 add_one = FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_GE, 0);
  CHECK(futex(&m->word, FUTEX_WAKE_OP, 0, (void*)1, &m->other_word, add_one) >= 0);
  m->additions++;
}
static void move_and_wake(void) {
  const u32 now = seen(&m->other_word);
  futex(&m->other_word, FUTEX_CMP_REQUEUE, 0, (void*)1, &m->word, now);
  futex(&m->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/// One side sleeps, the other wakes it by the calls that do more than that, until it is awake.
static void wake_in_other_ways(void) {
  static void (*const ways[])(void) = {wake_by_bits, wake_and_add, move_and_wake};
  for (u32 i = 0; i < 6; i++) {
    meet(&m->meeting, "another way to be woken");
    if (own == i % 2) {
      const u32 value = seen(&m->other_word);
      const u32 mask = i / 2 == 0 ? 2 : FUTEX_BITSET_MATCH_ANY;
      const long result = futex(&m->other_word, FUTEX_WAIT_BITSET, value, NULL, NULL, mask);
      CHECK(result == 0 || errno == EAGAIN);
      tell(&m->woken, i + 1);
    } else {
      waits_for = "the sleeper to wake";
      for (unsigned turns = 0; seen(&m->woken) <= i; relax(++turns)) ways[i / 2]();
    }
  }
  meet(&m->meeting, "the end of the sleepers");
  CHECK(m->additions > 0);
  CHECK_EQ(m->other_word, m->additions);
}

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  own = is_partner;
  if (is_partner) make();
  meet(&m->meeting, "the objects");
  static const struct {
    const char* name;
    void (*use)(void);
  } parts[] = {{"mutex", count_under_mutex}, {"time limits", time_out}, {"dead owners", outlive_owners},
               {"condition", take_turns},    {"barrier", in_phases},    {"readers", read_and_write},
               {"semaphores", pass_items},   {"futex", sleep_in_turns}, {"other wake-ups", wake_in_other_ways}};
  for (u32 i = 0; i < sizeof parts / sizeof *parts; i++) {
    parts[i].use();
    meet(&m->meeting, parts[i].name);
    puts(parts[i].name);
  }
  return done();
}
