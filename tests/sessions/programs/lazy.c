// build: -g -O0 -Wl,-z,lazy
/* Functions of a library that are bound when they are first called. */
#include <stdlib.h>
#include <string.h>

int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(void) {
  int numbers[] = {3, 1, 2};
  int length = (int)labs(-3);
  qsort(numbers, 3, sizeof(int), compare);
  length += atoi("12");
  length += atoi("13");
  return length;
}
