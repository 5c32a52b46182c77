// Recursion: deep, mutual, tree shaped, and through function pointers; returns must all come back.
#include "common.h"

static u64 fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static u64 ackermann(u64 m, u64 n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

static __attribute__((noinline)) u64 depth(u64 n, volatile char* above) {
  volatile char here[48];
  here[0] = (char)n;
  if (n == 0) return (u64)(above - here) & 1;
  const u64 below = depth(n - 1, here);
  return below + (here[0] == (char)n);
}

static int is_odd(unsigned n);
static __attribute__((noinline)) int is_even(unsigned n) { return n == 0 ? 1 : is_odd(n - 1); }
static __attribute__((noinline)) int is_odd(unsigned n) { return n == 0 ? 0 : is_even(n - 1); }

typedef struct Step {
  u64 (*next)(struct Step*, int);
  int calls;
} Step;
static u64 step_b(Step* s, int n);
static u64 step_a(Step* s, int n) { return s->calls++, s->next = step_b, n == 0 ? 1 : 1 + s->next(s, n - 1); }
static u64 step_b(Step* s, int n) { return s->calls++, s->next = step_a, n == 0 ? 2 : 2 + s->next(s, n - 1); }

int main(void) {
  printf("%llu\n", fib(24));
  printf("%llu\n", ackermann(2, 60));
  char top;
  CHECK_EQ(depth(40000, &top) >= 40000, 1);
  CHECK_EQ(is_even(100001), 0);
  Step s = {step_a, 0};
  printf("%llu %d\n", step_a(&s, 5001), s.calls);
  return done();
}
