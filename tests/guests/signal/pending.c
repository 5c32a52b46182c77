// Blocked signals: what is pending, in what order it comes when unblocked, that ordinary signals merge
// and real-time ones queue, and that the mask of sigsuspend holds for its time only.
#include "common.h"

static int order[64], count, values[64];

static void note(int sig, siginfo_t* info, void* context) {
  (void)context;
  order[count] = sig, values[count++] = info->si_value.sival_int;
}

static void show(const char* what) {
  printf("%s:", what);
  for (int i = 0; i < count; i++)
    printf(" %d/%d", order[i] < SIGRTMIN ? order[i] : order[i] - SIGRTMIN + 1000, values[i]);
  puts("");
  count = 0;
}

static void queue(int sig, int value) { CHECK_EQ(sigqueue(getpid(), sig, (union sigval){.sival_int = value}), 0); }

int main(void) {
  sigset_t all, old, pending;
  sigfillset(&all);
  static const int used[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGHUP};
  for (int i = 0; i < 4; i++) {
    struct sigaction sa = {.sa_sigaction = note, .sa_flags = SA_SIGINFO, .sa_mask = all};
    sigaction(used[i], &sa, NULL);
    sigaction(SIGRTMIN + i, &sa, NULL);
  }
  MUST(sigprocmask(SIG_BLOCK, &all, &old));
  for (int i = 0; i < 3; i++) queue(SIGUSR1, 1 + i), queue(SIGRTMIN + 1, 10 + i), queue(SIGRTMIN, 20 + i);
  queue(SIGHUP, 5), queue(SIGTERM, 6), queue(SIGUSR2, 7), queue(SIGRTMIN + 3, 30);
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGHUP) && sigismember(&pending, SIGRTMIN + 3));
  CHECK(!sigismember(&pending, SIGINT) && !sigismember(&pending, SIGRTMIN + 2));
  CHECK_EQ(count, 0);
  MUST(sigprocmask(SIG_SETMASK, &old, NULL));
  show("unblocked");
  sigpending(&pending);
  CHECK(sigisemptyset(&pending));

  // Only some are unblocked.
  MUST(sigprocmask(SIG_BLOCK, &all, NULL));
  queue(SIGUSR1, 1), queue(SIGUSR2, 2), queue(SIGTERM, 3);
  sigset_t some = signal_set(SIGUSR2, 0, 0);
  MUST(sigprocmask(SIG_UNBLOCK, &some, NULL));
  show("some");
  some = all;
  sigdelset(&some, SIGTERM);
  CHECK_ERR(sigsuspend(&some), EINTR);
  show("sigsuspend");
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  CHECK(sigismember(&now, SIGTERM) && sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));
  // Ignoring a pending signal throws it away.
  signal(SIGUSR1, SIG_IGN);
  sigpending(&pending);
  CHECK(!sigismember(&pending, SIGUSR1));
  MUST(sigprocmask(SIG_SETMASK, &old, NULL));
  show("rest");
  // The mask never holds SIGKILL and SIGSTOP.
  MUST(sigprocmask(SIG_SETMASK, &all, NULL));
  sigprocmask(SIG_BLOCK, NULL, &now);
  CHECK(!sigismember(&now, SIGKILL) && !sigismember(&now, SIGSTOP));
  CHECK_ERR(sigprocmask(99, &all, NULL), EINVAL);
  return done();
}
