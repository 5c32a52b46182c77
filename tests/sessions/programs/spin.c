// Asks for a name, then runs until it is interrupted; says so when the debugger sets `speak`.
// build: -O0 -g
#include <stdio.h>

volatile long turns;
volatile int speak;

int main(void) {
  char name[100];
  printf("name? ");
  fflush(stdout);
  if (!fgets(name, sizeof name, stdin)) return 1;
  turns++;  // what is said from here on means that it turns
  printf("hello %s", name);
  fflush(stdout);
  for (;;) {
    turns++;
    if (speak) {
      speak = 0;  // first: who reads that it runs may stop it at once
      puts("it runs");
      fflush(stdout);
    }
  }
}
