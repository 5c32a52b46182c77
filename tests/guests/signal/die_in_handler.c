// abort() with a handler: the handler runs, then the process dies by SIGABRT all the same.
// status: -6
#include "common.h"

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  MUST(write(1, "handler\n", 8));
}

int main(void) {
  on_signal(SIGABRT, handler, 0);
  MUST(write(1, "before\n", 7));
  abort();
}
