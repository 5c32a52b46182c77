// A child that ends by itself, and one that a signal ends; a debugger's program is the parent.
// build: -O0 -g
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int ended(int by_signal) {
  int status = 0;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (by_signal) raise(SIGKILL);
    printf("the child\n");
    fflush(stdout);
    _exit(3);
  }
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void) {
  int first = ended(0);
  int second = ended(1);
  printf("%d %d\n", first, second);
  return 0;
}
