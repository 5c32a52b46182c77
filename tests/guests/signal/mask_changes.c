// Signals that come at the very moment at which a thread changes what it blocks: two children queue ten thousand each,
// of two kinds, while the parent blocks and unblocks a third. All arrive, each kind in order, a handler within the
// other's handler too, and none where it is blocked.
#include <sched.h>
#include "common.h"

enum { each = 10000 };

static volatile int next[2], wrong, blocked;
static void takes(int signal, siginfo_t* info, void* context) {
  (void)context;
  const int kind = signal - SIGRTMIN;
  wrong += info->si_value.sival_int != next[kind] || blocked == kind + 1;
  next[kind]++;
}

static pid_t sender(int kind, pid_t parent) {
  const pid_t child = MUST(fork());
  if (child != 0) return child;
  for (int i = 0; i < each; i++)
    while (sigqueue(parent, SIGRTMIN + kind, (union sigval){.sival_int = i}) != 0) sched_yield();
  _exit(0);
}

int main(void) {
  for (int kind = 0; kind < 2; kind++) on_signal(SIGRTMIN + kind, takes, SA_RESTART);
  const sigset_t other = signal_set(SIGUSR1, 0, 0);
  const sigset_t sets[2] = {signal_set(SIGRTMIN, SIGUSR1, 0), signal_set(SIGRTMIN + 1, SIGUSR1, 0)};
  const pid_t parent = getpid(), children[2] = {sender(0, parent), sender(1, parent)};
  for (unsigned n = 0; next[0] < each || next[1] < each; n++) {
    MUST(sigprocmask(SIG_BLOCK, &other, NULL));
    MUST(sigprocmask(SIG_SETMASK, &sets[n & 1], NULL));
    blocked = (n & 1) + 1;
    (void)getppid();
    blocked = 0;
    MUST(sigprocmask(SIG_UNBLOCK, &sets[n & 1], NULL));
  }
  CHECK_EQ(wrong, 0);
  for (int kind = 0; kind < 2; kind++) {
    int status;
    CHECK_EQ(waitpid(children[kind], &status, 0), children[kind]);
    CHECK_EQ(status, 0);
  }
  return done();
}
