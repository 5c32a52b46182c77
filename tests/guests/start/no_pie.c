// A non-PIE program lies at its fixed low address.
// build: -no-pie
#include "common.h"

static int data = 7;
static int zero[5000];

int main(void) {
  CHECK((uintptr_t)&main > 0x400000 && (uintptr_t)&main < 0x500000);
  CHECK((uintptr_t)&data < 0x500000);
  for (int i = 0; i < 5000; i++) CHECK_EQ(zero[i], 0);
  int (*volatile f)(void) = (int (*)(void))(uintptr_t)(unsigned)(uintptr_t)&main;
  CHECK(f == main);
  printf("%d\n", data);
  return done();
}
