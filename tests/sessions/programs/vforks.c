// build: -O0 -g
// Children of vfork that execute no program: one ends, one is ended by a signal.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int status;

static void have_child(int signal) {
  pid_t child = vfork();
  if (child == 0) {
    if (signal != 0) raise(signal);
    _exit(3);
  }
  waitpid(child, &status, 0);
}

int main(void) {
  have_child(0);
  int first = status;
  have_child(SIGTERM);
  int second = status;
  printf("%d %d\n", first, second);
  return 0;
}
