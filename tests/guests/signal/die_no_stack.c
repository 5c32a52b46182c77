// A signal with a handler, and no stack for its frame: death by SIGSEGV.
// status: -11
#include "common.h"

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  MUST(write(1, "not reached\n", 12));
}

int main(void) {
  on_signal(SIGUSR1, handler, 0);
  puts("before");
  fflush(stdout);
  __asm__ volatile("mov $64, %%esp\n mov %0, %%edi\n mov $10, %%esi\n mov $62, %%eax\n syscall\n ud2"
                   :
                   : "r"(getpid())
                   : "rax", "rdi", "rsi");
  return 0;
}
