// build: -O0 -g
// A process that its child kills while it still stands within the fork (CLONE_VFORK), and what the child does then.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int total = 100;

static void kill_parent(void) {
  kill(getppid(), SIGKILL);
  for (int i = 1; i <= 5; i++) {
    total += i;
  }
  _exit(total);
}

int main(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (fork() == 0) {
    total = 10;
    if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0) == 0) kill_parent();
    _exit(99);
  }
  while (wait(NULL) > 0) continue;
  return 0;
}
