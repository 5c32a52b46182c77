// Death by SIGTERM that the program sends to itself.
// status: -15
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  kill(getpid(), SIGTERM);
  puts("not reached");
  return 0;
}
