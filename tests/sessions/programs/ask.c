// Reads a line from the terminal, then works until it is interrupted.
// build: -O0 -g
#include <stdio.h>

volatile long round, last_round;

void ask(void) {
  char name[100];
  printf("name? ");
  fflush(stdout);
  if (fgets(name, sizeof name, stdin) == NULL) return;
  last_round = 1;
  printf("hello %s", name);
  fflush(stdout);
}

int main(void) {
  ask();
  for (;;) {
    round++;
    if (round % 1000 == 0) last_round = round;
  }
}
