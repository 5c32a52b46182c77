// What a handler sees and what it changes: siginfo, the mask while it runs, SA_NODEFER, SA_RESETHAND,
// sa_mask, sigqueue's value, sending to oneself in every way.
#include <pthread.h>
#include "common.h"

static int last_signal, last_code, last_value, calls;
static int own_pid_seen;
static sigset_t mask_in_handler;

static void note(int sig, siginfo_t* info, void* context) {
  (void)context;
  last_signal = sig, last_code = info->si_code, last_value = info->si_value.sival_int, calls++;
  own_pid_seen = info->si_pid == getpid() && info->si_uid == getuid();
  sigprocmask(SIG_BLOCK, NULL, &mask_in_handler);
}

static void expect(int sig, int code, int pid) {
  CHECK_EQ(last_signal, sig);
  CHECK_EQ(last_code, code);
  if (pid) CHECK(own_pid_seen);
  last_signal = last_code = 0;
}

static int recursions;
static void recursive(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  if (++recursions < 5) raise(sig);
}

int main(void) {
  for (int sig = 1; sig <= SIGRTMAX; sig++) {
    if (sig == SIGKILL || sig == SIGSTOP || sig == 32 || sig == 33) continue;
    on_signal(sig, note, 0);
    CHECK_EQ(kill(getpid(), sig), 0);
    expect(sig, SI_USER, 1);
    CHECK(sigismember(&mask_in_handler, sig));
    CHECK_EQ(raise(sig), 0);
    expect(sig, SI_TKILL, 1);
    CHECK_EQ(syscall(SYS_tkill, syscall(SYS_gettid), sig), 0);
    expect(sig, SI_TKILL, 1);
    const union sigval value = {.sival_int = sig * 1000};
    CHECK_EQ(sigqueue(getpid(), sig, value), 0);
    CHECK_EQ(last_value, sig * 1000);
    expect(sig, SI_QUEUE, 1);
    CHECK_EQ(pthread_kill(pthread_self(), sig), 0);
    expect(sig, SI_TKILL, 1);
    signal(sig, SIG_DFL);
  }
  printf("%d calls\n", calls);

  struct sigaction sa = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sa.sa_mask = signal_set(SIGUSR2, SIGTERM, 0);
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  CHECK(sigismember(&mask_in_handler, SIGUSR1) && sigismember(&mask_in_handler, SIGUSR2));
  CHECK(sigismember(&mask_in_handler, SIGTERM) && !sigismember(&mask_in_handler, SIGINT));
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  CHECK(!sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));

  sa.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  CHECK(!sigismember(&mask_in_handler, SIGUSR1) && sigismember(&mask_in_handler, SIGUSR2));
  on_signal(SIGUSR2, recursive, SA_NODEFER);
  raise(SIGUSR2);
  CHECK_EQ(recursions, 5);
  recursions = 0;
  on_signal(SIGUSR2, recursive, 0);  // deferred until the handler returns, one after the other
  raise(SIGUSR2);
  CHECK_EQ(recursions, 5);

  on_signal(SIGUSR1, note, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction old;
  sigaction(SIGUSR1, NULL, &old);
  CHECK(old.sa_handler == SIG_DFL);
  signal(SIGUSR1, SIG_IGN);
  raise(SIGUSR1);
  sigaction(SIGUSR1, NULL, &old);
  CHECK(old.sa_handler == SIG_IGN);

  // What sigaction refuses.
  CHECK_ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
  CHECK_ERR(sigaction(SIGSTOP, &sa, NULL), EINVAL);
  CHECK_ERR(sigaction(0, &sa, NULL), EINVAL);
  CHECK_ERR(sigaction(65, &sa, NULL), EINVAL);
  CHECK_ERR(kill(getpid(), 65), EINVAL);
  CHECK_EQ(kill(getpid(), 0), 0);
  // The flags and the mask read back as they were set.
  sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGHUP, &sa, NULL);
  sigaction(SIGHUP, NULL, &old);
  CHECK_EQ(old.sa_flags & (SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_NODEFER | SA_RESETHAND), sa.sa_flags);
  CHECK(old.sa_sigaction == note);
  CHECK(sigismember(&old.sa_mask, SIGTERM) && !sigismember(&old.sa_mask, SIGINT));
  return done();
}
