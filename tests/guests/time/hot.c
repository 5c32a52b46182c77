// A function that is called many times (as many as the argument says) and stores into one variable: what its breakpoint
// and its watchpoint cost (bench/micro/conditions.cpp), and whether they are exact while the program is disturbed. The
// write to descriptor 1000 says where they are.
// args: 1000
#include "common.h"

static volatile u64 hot, cold[64];

__attribute__((noinline)) static void hit(u64 i) {
  hot = i;
  cold[i % 64] += i;
}

int main(int argc, char **argv) {
  const u64 times = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
  syscall(SYS_write, 1000, &hot, sizeof hot, hit);
  for (u64 i = 1; i <= times; i++) hit(i);
  CHECK_EQ(hot, times);
  return done();
}
