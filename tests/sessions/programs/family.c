// build: -O0 -g
// A parent and its child, which works when its parent tells it to.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int total;
int channel[2];

static int work(int n) {
  for (int i = 1; i <= n; i++) {
    total += i;
  }
  return total;
}

static void be_child(void) {
  char order;
  if (read(channel[0], &order, 1) != 1) exit(1);
  work(order);
  exit(total);
}

int main(void) {
  const char order = 5;
  int status;
  if (pipe(channel) != 0) return 1;
  total = 100;
  pid_t child = fork();
  if (child == 0) be_child();
  total = 200;
  if (write(channel[1], &order, 1) != 1) return 1;
  waitpid(child, &status, 0);
  total = WEXITSTATUS(status);
  printf("child gave %d\n", total);
  return 0;
}
