// Death by ud2 while SIGILL is blocked: a synchronous signal kills all the same, handler or not.
// status: -4
#include "common.h"

static void never(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  puts("not reached");
}

int main(void) {
  on_signal(SIGILL, never, 0);
  const sigset_t set = signal_set(SIGILL, 0, 0);
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  puts("before");
  fflush(stdout);
  __asm__ volatile("ud2");
  return 0;
}
