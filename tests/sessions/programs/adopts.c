// build: -O0 -g
// A process that takes orphans in: its children are one that works, and what that leaves behind.
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int turns;
int ended, sum, last_error;

static void worked(void) {}

static void be_child(pid_t reaper) {
  const pid_t own = getpid();
  if (fork() == 0) {
    while (getppid() == own) usleep(200);
    _exit(getppid() == reaper ? 4 : 5);
  }
  while (turns < 3000000) turns++;
  worked();
  _exit(3);
}

static void look(void) {}

int main(void) {
  const pid_t reaper = getpid();
  int status;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (fork() == 0) be_child(reaper);
  while (wait(&status) > 0) {
    ended++;
    sum += WEXITSTATUS(status);
  }
  last_error = errno;
  look();
  return 0;
}
