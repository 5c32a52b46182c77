// The futex calls of version 2, woken by another process: futex_waitv tells which of its words was woken.
#include <linux/futex.h>
#include <sched.h>
#include "common.h"

enum { WAITV = 449, WAIT = 455, REQUEUE = 456, U32 = 2 };

struct waiter {
  u64 value, address;
  unsigned flags, reserved;
};

/// A child that ends when it has woken somebody who waits for the word.
static pid_t waker_of(unsigned* word) {
  const pid_t child = MUST(fork());
  if (child != 0) return child;
  while (syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1) sched_yield();
  _exit(0);
}

/// How the call went: its result, or -1 and the child is not waited for, where the kernel does not have it.
static void ended(const char* what, long result, pid_t child) {
  if (result == -1 && errno == ENOSYS) kill(child, SIGKILL);
  printf("%s %ld\n", what, result == -1 ? -errno : result);
  CHECK_EQ(waitpid(child, NULL, 0), child);
}

int main(void) {
  unsigned* words = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  words[0] = 5, words[1] = 6;
  struct waiter waiters[2] = {{5, (u64)(uintptr_t)&words[0], U32, 0}, {6, (u64)(uintptr_t)&words[1], U32, 0}};
  fflush(stdout);
  pid_t child = waker_of(&words[1]);
  ended("futex_waitv", syscall(WAITV, waiters, 2, 0, NULL, 0), child);
  fflush(stdout);
  child = waker_of(&words[0]);
  ended("futex_wait", syscall(WAIT, &words[0], 5, 0xffffffffL, U32, NULL, 0), child);
  printf("futex_requeue %ld\n", syscall(REQUEUE, waiters, 0, 1, 1));
  waiters[0].value = 9;
  printf("futex_requeue %d\n", syscall(REQUEUE, waiters, 0, 1, 1) == -1 && (errno == EAGAIN || errno == ENOSYS));
  return done();
}
