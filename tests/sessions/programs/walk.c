/* Recursion, loops, a watched global, floats, vectors and thread-local variables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int global;
int array[4];
__thread int local_to_thread = 5;
static double scale = 1.5;
typedef float four __attribute__((vector_size(16)));
four vector = {1, 2, 3, 4};

int factorial(int n) {
  int r;
  if (n <= 1)
    return 1;
  r = n * factorial(n - 1);
  global += r;
  return r;
}

int twice(int n) { return 2 * n; }

int main(int argc, char **argv) {
  int total = 0;
  for (int i = 1; i <= 5; i++) {
    total += factorial(i);
    local_to_thread += i;
    array[i & 3] = total;
  }
  scale *= total;
  vector += vector;
  errno = 7;
  total = twice(total);
  printf("total %d global %d scale %g\n", total, global, scale);
  fflush(stdout);
  if (argc > 1 && strcmp(argv[1], "crash") == 0)
    *(volatile int *)0 = 1;
  return 3;
}
