// A thousand queued signals arrive in order; the limit of the queue gives EAGAIN.
#include <sys/resource.h>
#include "common.h"

static int next, wrong;
static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)context;
  wrong += info->si_value.sival_int != next++;
}

int main(void) {
  on_signal(SIGRTMIN, handler, 0);
  const sigset_t set = signal_set(SIGRTMIN, 0, 0);
  for (int round = 0; round < 3; round++) {
    next = 0;
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 1000; i++) CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
    CHECK_EQ(next, 0);
    MUST(sigprocmask(SIG_UNBLOCK, &set, NULL));
    CHECK_EQ(next, 1000);
    CHECK_EQ(wrong, 0);
  }
  const struct rlimit few = {0, 0};
  MUST(setrlimit(RLIMIT_SIGPENDING, &few));
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  CHECK_ERR(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1}), EAGAIN);
  return done();
}
