// Who is whose parent: orphans that outlive their parents, PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, and waitid with
// all its options.
#include <sys/prctl.h>
#include <sys/resource.h>
#include "common.h"

static int told[2];
static void tell(int n) { MUST(write(told[1], &n, sizeof n)); }
static int hear(void) {
  int n = -1;
  if (read(told[0], &n, sizeof n) != sizeof n) return -1;
  return n;
}

/// Its parent has ended: the reaper is the nearest ancestor that wants to be.
static void adopted(void) {
  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  int wants = 0;
  MUST(prctl(PR_GET_CHILD_SUBREAPER, &wants));
  CHECK_EQ(wants, 1);
  const pid_t self = getpid();
  const pid_t middle = MUST(fork());
  if (middle == 0) {
    const pid_t parent = getpid();
    for (int i = 0; i < 3; i++) {
      if (fork() == 0) {
        while (getppid() == parent) usleep(200);
        tell(getppid() == self ? 1 : -1);
        _exit(20 + i);
      }
    }
    _exit(9);
  }
  int status, sum = 0;
  CHECK_EQ(waitpid(middle, &status, 0), middle);
  for (int i = 0; i < 3; i++) CHECK_EQ(hear(), 1);
  for (int i = 0; i < 3; i++) {
    CHECK(wait(&status) > 0);
    sum += WEXITSTATUS(status);
  }
  CHECK_EQ(sum, 63);
  CHECK_ERR(wait(NULL), ECHILD);
}

static void parent_death(void) {
  const pid_t middle = MUST(fork());
  if (middle == 0) {
    int ready[2];
    MUST(pipe(ready));
    if (fork() == 0) {
      const sigset_t set = signal_set(SIGUSR1, 0, 0);
      sigprocmask(SIG_BLOCK, &set, NULL);
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      MUST(write(ready[1], "r", 1));
      siginfo_t info;
      tell(sigwaitinfo(&set, &info));
      _exit(0);
    }
    char c;
    read(ready[0], &c, 1);
    _exit(0);
  }
  CHECK_EQ(hear(), SIGUSR1);
  int n = 0;
  while (wait(NULL) > 0) n++;
  CHECK_EQ(n, 2);
}

static void wait_options(void) {
  siginfo_t info = {0};
  CHECK_ERR(waitid(P_ALL, 0, &info, 0), EINVAL);
  CHECK_ERR(waitid(P_PID, 0, &info, WEXITED), EINVAL);
  CHECK_ERR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
  int go[2];
  MUST(pipe(go));
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    char c;
    setpgid(0, 0);
    raise(SIGSTOP);
    if (read(go[0], &c, 1) != 1) _exit(1);  // stopped again, it would no longer have been continued
    raise(SIGSTOP);
    _exit(44);
  }
  CHECK_EQ(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
  CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == pid);
  CHECK_EQ(waitid(P_PGID, pid, &info, WSTOPPED), 0);
  memset(&info, 0xff, sizeof info);
  CHECK_EQ(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WCONTINUED | WNOHANG), 0);
  CHECK_EQ(info.si_pid, 0);
  MUST(kill(pid, SIGCONT));
  int status;
  CHECK_EQ(waitid(P_PID, pid, &info, WCONTINUED | WNOWAIT), 0);
  CHECK_EQ(info.si_code, CLD_CONTINUED);
  MUST(write(go[1], "g", 1));
  CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
  CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  MUST(kill(pid, SIGCONT));
  const int handle = (int)syscall(SYS_pidfd_open, pid, 0);
  CHECK(handle >= 0);
  CHECK_EQ(waitid(P_PIDFD, handle, &info, WEXITED | WNOWAIT), 0);
  CHECK(info.si_code == CLD_EXITED && info.si_status == 44);
  CHECK_EQ(waitid(P_ALL, 0, NULL, WEXITED | WNOWAIT | WNOHANG), 0);
  struct rusage usage;
  CHECK_EQ(syscall(SYS_waitid, P_PIDFD, handle, &info, WEXITED, &usage), 0);
  CHECK(usage.ru_maxrss > 0);
  CHECK_ERR(waitid(P_PIDFD, handle, &info, WEXITED), ECHILD);
  close(handle);
  // A clone whose end tells nobody is seen only by __WALL and __WCLONE.
  const pid_t silent = (pid_t)MUST(syscall(SYS_clone, 0, NULL, NULL, NULL, 0));
  if (silent == 0) _exit(3);
  CHECK_ERR(waitpid(silent, &status, 0), ECHILD);
  CHECK_EQ(waitpid(silent, &status, __WALL), silent);
  CHECK_EQ(WEXITSTATUS(status), 3);
}

int main(void) {
  MUST(pipe(told));
  wait_options();
  adopted();
  parent_death();
  return done();
}
