// SIGSTOP and SIGCONT: a child stops its parent and wakes it again; the parent's computation goes on.
#include <poll.h>
#include "common.h"

static volatile int continued;
static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  continued++;
}

static char state_of(pid_t pid) {
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) return '?';
  close(fd);
  const char* end = strrchr(text, ')');
  return end ? end[2] : '?';
}

int main(void) {
  on_signal(SIGCONT, handler, 0);
  int ready[2];
  MUST(pipe(ready));
  const pid_t parent = getpid();
  const pid_t child = MUST(fork());
  if (child == 0) {
    char c;
    if (read(ready[0], &c, 1) != 1) _exit(1);
    kill(parent, SIGSTOP);
    int stopped = 0;
    for (int i = 0; i < 10000 && !stopped; i++) {
      stopped = state_of(parent) == 'T';
      poll(NULL, 0, 5);
    }
    kill(parent, SIGCONT);
    _exit(stopped ? 0 : 2);
  }
  MUST(write(ready[1], "x", 1));
  volatile unsigned long n = 0;
  while (!continued) n++;
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 0);

  // And the other way round: the parent sees its child stop and continue.
  const pid_t second = MUST(fork());
  if (second == 0) {
    raise(SIGSTOP);
    _exit(5);
  }
  CHECK_EQ(waitpid(second, &status, WUNTRACED), second);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  kill(second, SIGCONT);
  CHECK_EQ(waitpid(second, &status, 0), second);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
  return done();
}
