// build: -O0 -g
// A loop on one line: each turn is another change.
#include <stdio.h>

int sum, values[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static void finished(void) { printf("%d\n", sum); }

int main(void) {
  int i;
  for (i = 0; i < 10; i++) sum += values[i];
  finished();
  return 0;
}
