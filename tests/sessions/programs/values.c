// build: -g -O0
/* A global that one function reads and another one writes, with values that tell the turns apart. */
#include <stdio.h>

int g;

int get(void) { return g + 1; }
void set(int v) { g = v; }

int main(void) {
  int sum = 0;
  for (int i = 0; i < 5; i++) {
    set(i);
    sum += get();
  }
  printf("%d\n", sum);
  return 0;
}
