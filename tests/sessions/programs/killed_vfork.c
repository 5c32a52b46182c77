// build: -O0 -g
// A vfork child that another process kills while it waits: what it has written until then is its parent's.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int total;
int channel[2];

static void wait_and_kill(void) {
  char path[64], state = 'R';
  pid_t victim;
  if (read(channel[0], &victim, sizeof victim) != sizeof victim) _exit(1);
  snprintf(path, sizeof path, "/proc/%d/stat", victim);
  while (state != 'S') {
    FILE* stat = fopen(path, "r");
    if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) _exit(1);
    fclose(stat);
  }
  kill(victim, SIGKILL);
  _exit(0);
}

int main(void) {
  int status = 0;
  if (pipe(channel) != 0) return 1;
  if (fork() == 0) wait_and_kill();
  pid_t child = vfork();
  if (child == 0) {
    const pid_t own = getpid();
    if (write(channel[1], &own, sizeof own) == sizeof own) total = 5;
    for (;;) pause();
  }
  waitpid(child, &status, 0);
  printf("%d %d\n", total, status);
  return 0;
}
