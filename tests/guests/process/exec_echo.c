// The program becomes /bin/echo by execlp, found in PATH.
#include "common.h"

int main(void) {
  printf("buffered, and flushed before: ");
  fflush(stdout);
  execlp("echo", "echo", "-n", "became", "echo", NULL);
  puts("FAIL not reached");
  return 1;
}
