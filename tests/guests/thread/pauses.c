// Threads that wait for each other with `pause`, in all the places where it may stand: others are next then, and
// re-execution sees none of it but the change of threads.
// build: -pthread
#include <pthread.h>
#include <sched.h>
#include "common.h"

enum { rounds = 90, threads = 3 };

static volatile long turn;
static unsigned long sum;
static volatile long flags_seen;

static __attribute__((noinline)) void relax(void) { __builtin_ia32_pause(); }
static __attribute__((noinline)) void relax_twice(void) {
  __builtin_ia32_pause();
  __builtin_ia32_pause();
}

static void wait_in_loop(long wanted) {
  while (turn != wanted) __builtin_ia32_pause();
}
static void wait_by_call(long wanted) {
  while (turn != wanted) relax();
}
static void wait_by_calls(long wanted) {
  while (turn != wanted) relax_twice();
}
/// Flags and rcx, which the engine's own counting must leave alone, are used right behind the pause.
static void wait_with_flags(long wanted) {
  long left = 1 << 30, kept = 0x123456789abcdef;
  __asm__ volatile(
      "1: cmp %[turn], %[wanted]\n"
      "pause\n"
      "je 2f\n"
      "cmp %[kept], %%rcx\n"
      "jne 2f\n"
      "dec %[left]\n"
      "pause\n"
      "jnz 1b\n"
      "2:"
      : [left] "+r"(left)
      : [turn] "m"(turn), [wanted] "r"(wanted), [kept] "r"(kept), "c"(kept)
      : "cc", "memory");
  CHECK_EQ(turn, wanted);
  flags_seen += left > 0;
}
/// One turn each, and then the kernel is asked.
static void wait_with_calls(long wanted) {
  for (int i = 0; turn != wanted; i++) {
    __builtin_ia32_pause();
    if (i % 100 == 99) sched_yield();
  }
}

static void (*const ways[])(long) = {wait_in_loop, wait_by_call, wait_by_calls, wait_with_flags, wait_with_calls};

static void* take_turns(void* argument) {
  const int ways_count = sizeof ways / sizeof ways[0];
  for (long i = (long)argument; i < rounds; i += threads) {
    ways[i / threads % ways_count](i);
    sum = sum * 31 + (unsigned long)i;
    turn = i + 1;
  }
  return NULL;
}

int main(void) {
  pthread_t thread[threads];
  for (long i = 0; i < threads; i++) pthread_create(&thread[i], NULL, take_turns, (void*)i);
  for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
  CHECK_EQ(turn, rounds);
  CHECK_EQ(flags_seen, rounds / (int)(sizeof ways / sizeof ways[0]));
  unsigned long expected = 0;
  for (int i = 0; i < rounds; i++) expected = expected * 31 + (unsigned long)i;
  CHECK_EQ(sum, expected);
  return done();
}
