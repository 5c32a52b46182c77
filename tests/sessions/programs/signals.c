/* A handled signal, system calls, and a loop that only a debugger ends. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile int handled, stay;

void handler(int n) { handled += n; }

int main(int argc, char **argv) {
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  if (write(1, "one\n", 4) != 4) return 1;
  raise(SIGUSR1);
  if (write(1, "two\n", 4) != 4) return 1;
  stay = argc > 1;
  while (stay)
    handled ^= 1;
  return handled == 2 * SIGUSR1 ? 0 : 2;
}
