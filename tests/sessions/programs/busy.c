// Runs for some seconds, so that snapshots are due.
// build: -O0 -g
#include <stdio.h>

volatile long turns;
volatile char pages[1024][4096];

void half_done(void) {}
void finished(void) {}

static void turn(void) { turns++; }

/* Called from the debugger: as busy, and it changes memory. */
int fill(int rounds) {
  for (int i = 0; i < rounds; i++) {
    for (int p = 0; p < 1024; p++) {
      for (int at = 0; at < 4096; at += 64) pages[p][at]++;
    }
  }
  return rounds;
}

int main(void) {
  const long all = 120000000;
  while (turns < all) {
    turn();
    if (turns == all / 2) half_done();
  }
  finished();
  printf("%ld turns\n", turns);
  return 3;
}
