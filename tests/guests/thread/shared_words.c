// Futexes in memory that a fork has made known to another process, with calls that fail or do not wait, beside a thread
// that can always run. (The kernel answers these calls, and the turn goes on before it has; the same words before the
// fork are the threads' own.)
// build: -pthread
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "common.h"

static int* word;
static volatile int stop;

static long futex(int* at, int command, unsigned value, const struct timespec* limit, int* second, unsigned third) {
  return syscall(SYS_futex, at, command, value, limit, second, third);
}

static void* spins(void* argument) {
  while (!stop) {
  }
  return argument;
}

static void calls(void) {
  const struct timespec soon = {0, 1000000}, bad = {0, 1000000000};
  for (int i = 0; i < 20; i++) {
    word[0] = i;
    CHECK_ERR(futex(word, FUTEX_WAIT, i + 1, NULL, NULL, 0), EAGAIN);
    CHECK_ERR(futex(word, FUTEX_WAIT, i + 1, &soon, NULL, 0), EAGAIN);
    CHECK_ERR(futex(word, FUTEX_WAIT, i, &soon, NULL, 0), ETIMEDOUT);
    CHECK_ERR(futex(word, FUTEX_WAIT, i, &bad, NULL, 0), EINVAL);
    CHECK_ERR(futex(word, FUTEX_WAIT_BITSET, i, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex((int*)((char*)word + 1), FUTEX_WAIT, i, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(word, FUTEX_CMP_REQUEUE, 1, (void*)1, word + 1, i + 1), EAGAIN);
    CHECK_EQ(futex(word, FUTEX_CMP_REQUEUE, 1, (void*)1, word + 1, i), 0);
    CHECK_EQ(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    CHECK_EQ(futex(word, FUTEX_WAKE_OP, 1, (void*)1, word + 1, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)), 0);
    CHECK_EQ(word[1], 3 * (i + 1));
  }
  word[1] = 0;
}

int main(void) {
  pthread_t thread;
  word = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  pthread_create(&thread, NULL, spins, NULL);
  calls();
  const pid_t child = MUST(fork());
  if (child == 0) _exit(0);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  calls();
  stop = 1;
  pthread_join(thread, NULL);
  calls();
  return done();
}
