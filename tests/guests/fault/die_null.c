// Death by a null pointer.
// status: -11
#include "common.h"

static volatile int* volatile nowhere;

int main(void) {
  puts("before");
  fflush(stdout);
  printf("%d\n", *nowhere);
  return 0;
}
