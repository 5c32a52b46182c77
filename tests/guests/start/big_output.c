// A few megabytes of output in writes of all sizes, on both streams.
#include "common.h"

int main(void) {
  unsigned state = 1;
  for (int i = 0; i < 60000; i++) {
    state = state * 1103515245 + 12345;
    printf("%d %u\n", i, state >> 8);
  }
  fflush(stdout);
  char* block = malloc(1 << 20);
  for (int i = 0; i < 1 << 20; i++) block[i] = i % 64 == 63 ? '\n' : 'a' + i % 26;
  for (int off = 0, n = 1; off < 1 << 20; n *= 3) {
    const int size = n < (1 << 20) - off ? n : (1 << 20) - off;
    CHECK_EQ(write(1, block + off, size), size);
    off += size;
  }
  for (int i = 0; i < 100; i++) fprintf(stderr, "error stream %d\n", i);
  free(block);
  return done();
}
