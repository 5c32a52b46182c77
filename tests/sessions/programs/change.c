// build: -g -O0
/* What a debugger changes where the program stands: variables, where it goes on, signals. */
#include <signal.h>
#include <stdio.h>

int handled, limit = 3;
int *pointer = (int *)16;

void handler(int n) { handled += n; }

int half(int n) {
  int h = n / 2;
  return h;
}

int sum(int n) {
  int s = 0;
  for (int i = 0; i < n; i++)
    s += half(2 * i);
  return s;
}

int main(void) {
  signal(SIGUSR1, handler);
  int a = sum(limit);
  int b = sum(limit + 1);
  int c = a + b;
  c += 100;
  c += 1000;
  c ^= 1;
  int d = *pointer;
  printf("%d %d %d %d\n", a, b, c, d);
  return handled;
}
