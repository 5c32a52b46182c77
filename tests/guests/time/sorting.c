// Plain computing with calls through pointers and recursion, and a little output. tests/unit/control_test.cpp
// goes to many of its Times.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned state = 12345;
static unsigned next_random(void) { return state = state * 1664525u + 1013904223u; }

static int compare(const void *a, const void *b) {
  const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return (x > y) - (x < y);
}

static unsigned long tree(unsigned depth) { return depth == 0 ? 1 : tree(depth - 1) + tree(depth - 1) + depth; }

int main(void) {
  static unsigned values[4000];
  double sum = 0;
  for (int round = 0; round < 5; round++) {
    for (unsigned i = 0; i < 4000; i++) values[i] = next_random() >> 8;
    qsort(values, 4000, sizeof values[0], compare);
    for (unsigned i = 0; i < 4000; i += 100) sum += values[i] * 0.5;
    printf("%u %u %lu %.1f\n", values[0], values[3999], tree(8), sum);
    fflush(stdout);
  }
  return 0;
}
