// Death by SIGABRT that the program sends to itself.
// status: -6
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  abort();
  puts("not reached");
  return 0;
}
