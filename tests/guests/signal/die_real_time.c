// Death by a real-time signal that the program sends to itself.
// status: -40
#include "common.h"

int main(void) {
  puts("before");
  fflush(stdout);
  raise(40);
  puts("not reached");
  return 0;
}
