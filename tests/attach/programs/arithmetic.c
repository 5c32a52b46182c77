// build: -O1 -g -static
// A static program without threads that computes, writes and sleeps.
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  unsigned long x = 1;
  double y = 0.5;
  for (int i = 0; i < 150; i++) {
    for (int j = 0; j < 2000000; j++) x = x * 6364136223846793005ul + 1442695040888963407ul;
    for (int j = 0; j < 100000; j++) y = y * 1.0000001 + 1e-9 * (double)(x >> 60);
    char line[80];
    int size = snprintf(line, sizeof line, "%d %lu %.12f\n", i, x, y);
    if (write(1, line, (size_t)size) != size) return 1;  // mark
    struct timespec pause = {0, 5000000};
    nanosleep(&pause, NULL);
  }
  return 7;
}
