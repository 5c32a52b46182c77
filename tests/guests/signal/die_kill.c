// Death by SIGKILL that the program sends to itself.
// status: -9
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  kill(getpid(), SIGKILL);
  puts("not reached");
  return 0;
}
