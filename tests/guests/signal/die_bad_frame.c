// rt_sigreturn without a frame: death by SIGSEGV.
// status: -11
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  u8* page = map_pages(1, PROT_READ | PROT_WRITE);
  __asm__ volatile("lea 4090(%0), %%rsp\n mov $15, %%eax\n syscall\n ud2" : : "r"(page) : "rax");
  return 0;
}
