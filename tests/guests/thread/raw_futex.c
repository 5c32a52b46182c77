// Operations of futex among threads: bits, moving waiters on, waking with an operation, several words at once.
// build: -pthread
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>
#include "common.h"

static uint32_t first, second;
static volatile int woken[8], result_of[8];

static long futex(uint32_t* word, int op, uint32_t value, const void* limit, uint32_t* other, uint32_t last) {
  return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, limit, other, last);
}

struct wait {
  long id;
  uint32_t *word, bits;
};

static void* waits(void* argument) {
  const struct wait* w = argument;
  result_of[w->id] = (int)futex(w->word, FUTEX_WAIT_BITSET, 0, NULL, NULL, w->bits);
  woken[w->id] = 1;
  return NULL;
}

static pthread_t thread[4];
static struct wait places[4];

/// Four threads wait there, in any order. Ready when all are counted.
static void let_wait(uint32_t* word, int use_bits) {
  for (long i = 0; i < 4; i++) {
    woken[i] = 0;
    places[i] = (struct wait){i, word, use_bits ? 1u << i : ~0u};
    pthread_create(&thread[i], NULL, waits, &places[i]);
  }
  // Moving all of them to where they are says how many there are.
  while (futex(word, FUTEX_CMP_REQUEUE, 0, (void*)100, word == &first ? &second : &first, 0) >= 0) {
    const long here = futex(word == &first ? &second : &first, FUTEX_CMP_REQUEUE, 0, (void*)100, word, 0);
    if (here == 4) break;
    sched_yield();
  }
}

static void join(void) {
  for (int i = 0; i < 4; i++) {
    pthread_join(thread[i], NULL);
    CHECK_EQ(result_of[i], 0);
    CHECK(woken[i]);
  }
}

static void* waits_for_several(void* argument) {
  struct {
    uint64_t value, address;
    uint32_t flags, reserved;
  } words[2] = {{0, (uint64_t)&first, 2 | FUTEX_PRIVATE_FLAG, 0}, {0, (uint64_t)&second, 2 | FUTEX_PRIVATE_FLAG, 0}};
  const long result = syscall(449, words, 2, 0, NULL, 0);  // futex_waitv
  if (result == -1 && errno == ENOSYS) return (void*)2;
  CHECK(result == 1 || (result == -1 && errno == EAGAIN));  // it came too late to wait
  return argument;
}

int main(void) {
  struct timespec ms = {0, 1000000}, end;
  CHECK_ERR(futex(&first, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
  CHECK_ERR(futex(&first, FUTEX_WAIT, 0, &ms, NULL, 0), ETIMEDOUT);
  CHECK_ERR(futex(&first, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
  CHECK_ERR(futex(&first, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
  CHECK_ERR(futex((uint32_t*)((char*)&first + 1), FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
  CHECK_EQ(futex(&first, FUTEX_WAKE, 1, NULL, NULL, 0), 0);

  let_wait(&first, 1);
  CHECK_ERR(futex(&first, FUTEX_WAIT, 0, &ms, NULL, 0), ETIMEDOUT);  // beside others
  clock_gettime(CLOCK_MONOTONIC, &end);
  CHECK_ERR(futex(&first, FUTEX_WAIT_BITSET, 0, &end, NULL, ~0u), ETIMEDOUT);
  clock_gettime(CLOCK_REALTIME, &end);
  CHECK_ERR(futex(&first, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &end, NULL, ~0u), ETIMEDOUT);
  CHECK_ERR(futex(&first, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
  CHECK_ERR(futex(&first, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
  CHECK_EQ(futex(&first, FUTEX_WAKE_BITSET, 4, NULL, NULL, 16), 0);
  CHECK_EQ(futex(&first, FUTEX_WAKE_BITSET, 4, NULL, NULL, 4), 1);
  pthread_join(thread[2], NULL);
  CHECK(woken[2] && !woken[0] && !woken[1] && !woken[3]);
  CHECK_EQ(futex(&first, FUTEX_WAKE_BITSET, 4, NULL, NULL, 3), 2);
  CHECK_EQ(futex(&first, FUTEX_WAKE, 4, NULL, NULL, 0), 1);
  thread[2] = pthread_self();
  for (int i = 0; i < 4; i++)
    if (i != 2) pthread_join(thread[i], NULL);

  let_wait(&second, 0);
  CHECK_ERR(futex(&second, FUTEX_CMP_REQUEUE, 1, (void*)1, &first, 5), EAGAIN);
  CHECK_EQ(futex(&second, FUTEX_CMP_REQUEUE, 1, (void*)1, &first, 0), 2);  // one wakes, one is moved
  CHECK_EQ(futex(&first, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
  CHECK_EQ(futex(&second, FUTEX_REQUEUE, 0, (void*)10, &first, 0), 2);
  CHECK_EQ(futex(&second, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
  CHECK_EQ(futex(&first, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
  join();

  let_wait(&second, 0);
  second = 3;
  CHECK_EQ(futex(&first, FUTEX_WAKE_OP, 1, (void*)1, &second, FUTEX_OP(FUTEX_OP_ADD, 4, FUTEX_OP_CMP_GT, 3)), 0);
  CHECK_EQ(second, 7);
  CHECK_EQ(futex(&first, FUTEX_WAKE_OP, 1, (void*)3, &second, FUTEX_OP(FUTEX_OP_ANDN, 2, FUTEX_OP_CMP_EQ, 7)), 3);
  CHECK_EQ(second, 5);
  const uint32_t flip_bit = FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT;
  CHECK_EQ(futex(&second, FUTEX_WAKE_OP, 1, (void*)1, &first, FUTEX_OP(flip_bit, 4, FUTEX_OP_CMP_NE, 0)), 1);
  CHECK_EQ(first, 16);
  CHECK_ERR(futex(&first, FUTEX_WAKE_OP, 1, (void*)1, &second, 7u << 28), ENOSYS);
  join();

  first = second = 0;
  void* how = NULL;
  pthread_create(&thread[0], NULL, waits_for_several, NULL);
  for (int i = 0; i < 20; i++) sched_yield();
  second = 1;
  while (pthread_tryjoin_np(thread[0], &how) != 0) {
    futex(&second, FUTEX_WAKE, 1, NULL, NULL, 0);
    sched_yield();
  }
  return done();
}
