// Death by SIGALRM in the middle of an endless loop.
// status: -14
#include <sys/time.h>
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  const struct itimerval timer = {{0, 0}, {0, 30000}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
  for (;;) {
  }
}
