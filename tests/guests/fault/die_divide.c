// Death by a division by zero.
// status: -8
#include "common.h"

int main(int argc, char** argv) {
  (void)argv;
  puts("before");
  fflush(stdout);
  __asm__ volatile("xor %%edx, %%edx\n div %1" : : "a"(7), "r"(argc - 1) : "rdx", "cc");
  return 0;
}
