// Death by SIGQUIT that the program sends to itself.
// status: -3
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  raise(SIGQUIT);
  puts("not reached");
  return 0;
}
