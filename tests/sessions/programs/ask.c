// Reads a line from the terminal, then works until it is interrupted.
// build: -O0 -g
#include <stdio.h>

volatile long turn, last_turn;

void ask(void) {
  char name[100];
  printf("name? ");
  fflush(stdout);
  if (fgets(name, sizeof name, stdin) == NULL) return;
  last_turn = 1;
  printf("hello %s", name);
  fflush(stdout);
}

int main(void) {
  ask();
  for (;;) {
    turn++;
    if (turn % 1000 == 0) last_turn = turn;
  }
}
