// Taking signals without a handler: sigwait, sigwaitinfo, sigtimedwait, signalfd.
#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>
#include "common.h"

static int handled;
static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  handled++;
}

int main(void) {
  const sigset_t set = signal_set(SIGUSR1, SIGRTMIN + 2, SIGALRM);
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  on_signal(SIGUSR1, handler, 0);
  on_signal(SIGUSR2, handler, 0);

  int sig = 0;
  raise(SIGUSR1);
  CHECK_EQ(sigwait(&set, &sig), 0);
  CHECK_EQ(sig, SIGUSR1);

  siginfo_t info;
  sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 11});
  sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 12});
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN + 2);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_value.sival_int, 11 + i);
    CHECK_EQ(info.si_pid, getpid());
  }
  const struct timespec none = {0, 0}, little = {0, 20000000}, bad = {0, -1};
  CHECK_ERR(sigtimedwait(&set, &info, &none), EAGAIN);
  CHECK_ERR(sigtimedwait(&set, &info, &little), EAGAIN);
  CHECK_ERR(sigtimedwait(&set, &info, &bad), EINVAL);
  // A signal that comes while waiting, in the set and not in the set.
  alarm(1);
  CHECK_EQ(sigwaitinfo(&set, &info), SIGALRM);
  CHECK_EQ(info.si_code, SI_KERNEL);
  // The child goes on until it is told: a signal that comes before the parent waits interrupts nothing.
  int enough[2];
  MUST(pipe(enough));
  const pid_t parent = getpid(), child = MUST(fork());
  if (child == 0) {
    close(enough[1]);
    struct pollfd told = {enough[0], POLLIN, 0};
    do kill(parent, SIGUSR2);
    while (poll(&told, 1, 20) == 0);
    _exit(0);
  }
  CHECK_ERR(sigtimedwait(&set, &info, NULL), EINTR);
  close(enough[1]);
  while (waitpid(child, NULL, 0) != child) CHECK_EQ(errno, EINTR);
  CHECK(handled >= 1);
  handled = 0;

  const int fd = MUST(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  struct signalfd_siginfo read_info[4];
  CHECK_ERR(read(fd, read_info, sizeof read_info), EAGAIN);
  raise(SIGUSR1);
  sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 99});
  struct pollfd p = {fd, POLLIN, 0};
  CHECK_EQ(poll(&p, 1, 1000), 1);
  CHECK_EQ(read(fd, read_info, sizeof read_info), 2 * sizeof *read_info);
  CHECK_EQ(read_info[0].ssi_signo, SIGUSR1);
  CHECK_EQ(read_info[1].ssi_signo, SIGRTMIN + 2);
  CHECK_EQ(read_info[1].ssi_int, 99);
  CHECK_EQ(read_info[1].ssi_pid, getpid());
  CHECK_ERR(read(fd, read_info, sizeof read_info), EAGAIN);
  // Another mask for the same descriptor.
  const sigset_t other = signal_set(SIGALRM, 0, 0);
  CHECK_EQ(signalfd(fd, &other, 0), fd);
  raise(SIGUSR1);
  CHECK_ERR(read(fd, read_info, sizeof read_info), EAGAIN);
  CHECK_EQ(handled, 0);
  MUST(sigprocmask(SIG_UNBLOCK, &set, NULL));
  CHECK_EQ(handled, 1);
  return done();
}
