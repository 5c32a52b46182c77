// Signals whose default is to do nothing, and ignored ones, leave everything alone, even blocking calls.
#include <poll.h>
#include "common.h"

int main(void) {
  static const int harmless[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
  for (int i = 0; i < 4; i++) raise(harmless[i]);
  signal(SIGUSR1, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  raise(SIGUSR1);
  kill(getpid(), SIGTERM);
  int fds[2];
  MUST(pipe(fds));
  const pid_t parent = getpid(), child = MUST(fork());
  if (child == 0) {
    for (int i = 0; i < 20; i++) {
      kill(parent, SIGUSR1);
      kill(parent, SIGWINCH);
      poll(NULL, 0, 1);
    }
    _exit(write(fds[1], "x", 1) != 1);
  }
  char c;
  CHECK_EQ(read(fds[0], &c, 1), 1);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  return done();
}
