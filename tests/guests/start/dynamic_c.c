// A dynamically linked PIE: lazy binding through the PLT, constructors, destructors, atexit, TLS.
#include <ctype.h>
#include <math.h>
#include "common.h"

static __thread char buffer[16] = "tls";

__attribute__((constructor)) static void before(void) { puts("constructor"); }
__attribute__((destructor)) static void after(void) { puts("destructor"); }
static void at_exit(void) { puts("atexit"); }

static int descending(const void* a, const void* b) { return *(const int*)b - *(const int*)a; }

int main(void) {
  atexit(at_exit);
  int numbers[] = {3, 1, 4, 1, 5, 9, 2, 6};
  qsort(numbers, 8, sizeof(int), descending);
  for (int i = 0; i < 8; i++) printf("%d ", numbers[i]);
  printf("%s %c %ld\n", buffer, toupper('q'), strtol("-0x1f", NULL, 16));
  return done();
}
