// Processes that do nothing but fork and are killed at forty places of it: each leaves a child that lives on, sometimes
// one of which its own log knows nothing yet.
#include <sys/prctl.h>
#include "common.h"

int main(void) {
  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  for (int i = 0; i < 40; i++) {
    const pid_t pid = MUST(fork());
    while (pid == 0) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      if (child > 0) waitpid(child, NULL, 0);
    }
    usleep(2000 + (unsigned)i * 137);
    MUST(kill(pid, SIGKILL));
    int status, killed = 0;
    for (pid_t ended; (ended = wait(&status)) > 0;) {
      if (ended == pid) killed = status == SIGKILL;
      if (ended != pid) CHECK_EQ(status, 0);
    }
    CHECK(killed);
  }
  return done();
}
