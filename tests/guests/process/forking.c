// fork and wait in all forms: statuses, signals, who waits for whom, resources, process groups.
#include <sys/resource.h>
#include "common.h"

static pid_t child_that(int status, int sig) {
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    if (sig) raise(sig);
    _exit(status);
  }
  return pid;
}

static volatile int children_ended;
static void on_child(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)context;
  CHECK(info->si_code == CLD_EXITED || info->si_code == CLD_KILLED);
  children_ended++;
}

int main(void) {
  int status, value = 5;
  puts("parent only once");
  fflush(stdout);
  pid_t pid = MUST(fork());
  if (pid == 0) {
    value = 6;
    if (getpid() == getppid() || getpid() != syscall(SYS_gettid)) _exit(1);
    printf("child %d\n", value);
    fflush(stdout);
    _exit(value);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
  CHECK_EQ(value, 5);
  CHECK_ERR(waitpid(pid, &status, 0), ECHILD);
  CHECK_ERR(wait(NULL), ECHILD);

  pid = child_that(0, SIGTERM);
  struct rusage usage;
  CHECK_EQ(wait4(pid, &status, 0, &usage), pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  CHECK(usage.ru_maxrss > 0);
  pid = child_that(33, 0);
  siginfo_t info;
  CHECK_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
  CHECK(info.si_pid == pid && info.si_status == 33 && info.si_code == CLD_EXITED);
  CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED), 0);
  CHECK_EQ(info.si_pid, pid);
  memset(&info, 1, sizeof info);
  pid = MUST(fork());
  if (pid == 0) {
    pause();
    _exit(1);
  }
  CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
  CHECK_EQ(kill(pid, SIGKILL), 0);
  CHECK_EQ(waitpid(-1, &status, 0), pid);
  CHECK_EQ(WTERMSIG(status), SIGKILL);
  CHECK_ERR(kill(pid, 0), ESRCH);

  // Many at once.
  pid_t pids[20];
  for (int i = 0; i < 20; i++) pids[i] = child_that(i, 0);
  int sum = 0;
  for (int i = 19; i >= 0; i--) {
    CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
    sum += WEXITSTATUS(status);
  }
  CHECK_EQ(sum, 190);

  on_signal(SIGCHLD, on_child, SA_RESTART);
  pid = child_that(1, 0);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  sigset_t none;
  sigemptyset(&none);
  CHECK_EQ(children_ended, 1);
  signal(SIGCHLD, SIG_IGN);  // then children vanish by themselves
  pid = child_that(1, 0);
  CHECK_ERR(waitpid(pid, &status, 0), ECHILD);
  signal(SIGCHLD, SIG_DFL);

  // Groups and sessions.
  pid = MUST(fork());
  if (pid == 0) {
    int bad = setpgid(0, 0) != 0 || getpgrp() != getpid() || getpgid(0) != getpid();
    bad |= setsid() != -1 || errno != EPERM;
    const pid_t grandchild = fork();
    if (grandchild == 0) _exit(setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid());
    waitpid(grandchild, &status, 0);
    _exit(bad || WEXITSTATUS(status));
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
  // A grandchild that outlives its parent still answers.
  int p[2];
  MUST(pipe(p));
  pid = MUST(fork());
  if (pid == 0) {
    if (fork() == 0) {
      while (getppid() == pid) continue;
      _exit(write(p[1], "g", 1) != 1);
    }
    _exit(0);
  }
  close(p[1]);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  char c;
  CHECK_EQ(read(p[0], &c, 1), 1);
  CHECK_EQ(read(p[0], &c, 1), 0);
  const int handle = (int)syscall(SYS_pidfd_open, getpid(), 0);
  if (handle >= 0) CHECK_EQ(syscall(SYS_pidfd_send_signal, handle, 0, NULL, 0), 0);
  return done();
}
