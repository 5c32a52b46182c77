// Death by SIGPIPE; before that EPIPE with the signal ignored.
// status: -13
#include "common.h"

int main(void) {
  int fds[2];
  MUST(pipe(fds));
  close(fds[0]);
  signal(SIGPIPE, SIG_IGN);
  CHECK_ERR(write(fds[1], "x", 1), EPIPE);
  signal(SIGPIPE, SIG_DFL);
  puts(failures ? "not ok" : "before");
  fflush(stdout);
  MUST(write(fds[1], "x", 1));
  puts("not reached");
  return 0;
}
