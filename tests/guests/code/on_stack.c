// Code on the stack, as nested functions make it, in frames that come and go at the same addresses.
// build: -Wl,-z,execstack
#include "code/jit.h"

static int apply(int (*f)(int), int n) { return n == 0 ? 0 : f(n) + apply(f, n - 1); }

static __attribute__((noinline)) int with_trampoline(int k) {
  int add(int x) { return x + k; }
  return apply(add, 10);
}

static __attribute__((noinline)) int fresh(int value) {
  u8 code[16];
  put_constant(code, value);
  return call_code(code, 0);
}

static __attribute__((noinline)) int deeper(int value) {
  volatile char gap[100];
  gap[0] = (char)value;
  return fresh(value) + (gap[0] != (char)value);
}

int main(void) {
  for (int i = 0; i < 300; i++) {
    CHECK_EQ(with_trampoline(i), 55 + 10 * i);
    CHECK_EQ(fresh(i), i);
    CHECK_EQ(deeper(i * 7), i * 7);
  }
  return done();
}
