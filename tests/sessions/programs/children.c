// Children of each kind: forked, spawned, one that is killed, one of a child.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int ended;

int main(void) {
  if (fork() == 0) _exit(system("exit 3") >> 8);
  wait(&ended);
  const pid_t killed = fork();
  if (killed == 0) {
    for (;;) pause();
  }
  kill(killed, SIGTERM);
  wait(&ended);
  return 0;
}
