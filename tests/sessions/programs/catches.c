// build: -g -O0
/* What catchpoints catch: system calls and signals of several kinds, many times. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int turn, handled;

void handler(int n) { handled += n; }

void all_of(int n) {
  turn = n;
  getppid();
  raise(SIGUSR1);
  getuid();
  raise(SIGUSR2);
}

int main(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  for (int i = 1; i <= 20; i++) all_of(i);
  puts("end");
  return 0;
}
