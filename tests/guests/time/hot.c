// A function that is called ten million times and stores into one variable: what its breakpoint and its watchpoint
// cost (bench/micro/conditions.cpp). The write to descriptor 1000 says where they are.
#include "common.h"

static volatile u64 hot, cold[64];

__attribute__((noinline)) static void hit(u64 i) {
  hot = i;
  cold[i % 64] += i;
}

int main(void) {
  syscall(SYS_write, 1000, &hot, sizeof hot, hit);
  for (u64 i = 1; i <= 10000000; i++) hit(i);
  CHECK_EQ(hot, 10000000);
  return done();
}
