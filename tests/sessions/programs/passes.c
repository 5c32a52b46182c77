// build: -g -O0
/* What a step backwards passes: writes to a watched variable, a handled signal, a system call. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int x, y;

void set(int n) {
  x = n;
  y++;
}
void handler(int n) { y += n; }

int main(void) {
  signal(SIGUSR1, handler);
  for (int i = 1; i <= 6; i++)
    set(i);
  raise(SIGUSR1);
  write(1, "passed\n", 7);
  set(9);
  int total = 0;
  for (int i = 1; i <= 6; i++) {
    total += i;
    set(i);
  }
  puts("end");
  return total;
}
