// Death by endless recursion: the stack grows to its limit, and nothing is left for a handler.
// status: -11
#include <sys/resource.h>
#include "common.h"

static volatile int sink;
static int endless(volatile int n) {
  volatile int here[64];
  here[n % 64] = n;
  sink = here[0];
  return endless(n + 1) + here[1];
}

int main(void) {
  const struct rlimit limit = {1 << 20, 8 << 20};
  MUST(setrlimit(RLIMIT_STACK, &limit));
  puts("before");
  fflush(stdout);
  return endless(1);
}
