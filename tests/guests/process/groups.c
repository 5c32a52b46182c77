// Process groups and sessions: signals to groups, a controlling terminal with its foreground group, hang-ups, orphaned
// groups.
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "common.h"

static volatile sig_atomic_t got;
static void note(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  got = sig;
}
static void wait_for_signal(int sig) {
  const sigset_t set = signal_set(SIGINT, SIGHUP, SIGUSR1);
  sigset_t before;
  sigprocmask(SIG_BLOCK, &set, &before);
  while (got != sig) sigsuspend(&before);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static void whole_group(void) {
  int ready[2];
  MUST(pipe(ready));
  pid_t leader = 0;
  for (int i = 0; i < 4; i++) {
    const pid_t pid = MUST(fork());
    if (pid == 0) {
      on_signal(SIGUSR1, note, 0);
      setpgid(0, leader);
      if (write(ready[1], "r", 1) != 1) _exit(1);
      wait_for_signal(SIGUSR1);
      _exit(10 + i);
    }
    setpgid(pid, leader);
    if (leader == 0) leader = pid;
    CHECK_EQ(getpgid(pid), leader);
  }
  char c;
  for (int i = 0; i < 4; i++) CHECK_EQ(read(ready[0], &c, 1), 1);
  CHECK_EQ(killpg(leader, SIGUSR1), 0);
  int sum = 0, status;
  for (int i = 0; i < 4; i++) {
    CHECK(waitpid(-leader, &status, 0) > 0);
    CHECK(WIFEXITED(status));
    sum += WEXITSTATUS(status);
  }
  CHECK_EQ(sum, 46);
  CHECK_ERR(killpg(leader, 0), ESRCH);
  CHECK_ERR(waitpid(-leader, &status, 0), ECHILD);
  CHECK_ERR(setpgid(1, 0), ESRCH);
}

/// The leader of a session on `slave`; what its terminal sends comes to the foreground group.
static int on_terminal(const char* name, int report) {
  if (setsid() < 0) return 1;
  const int terminal = open(name, O_RDWR);
  if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0 || tcgetpgrp(terminal) != getpid()) return 2;
  on_signal(SIGINT, note, 0);
  on_signal(SIGHUP, note, 0);
  const pid_t job = fork();
  if (job == 0) {
    setpgid(0, 0);
    if (tcsetpgrp(terminal, getpid()) == 0) _exit(1);  // in the background: SIGTTOU stops it
    _exit(2);
  }
  setpgid(job, job);
  int status;
  if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU) return 3;
  if (tcsetpgrp(terminal, job) != 0 || kill(-job, SIGCONT) != 0) return 4;
  if (waitpid(job, &status, 0) != job || WEXITSTATUS(status) != 1) return 5;
  signal(SIGTTOU, SIG_IGN);
  if (tcsetpgrp(terminal, getpid()) != 0) return 6;
  if (write(report, "t", 1) != 1) return 7;
  wait_for_signal(SIGINT);
  if (write(report, "i", 1) != 1) return 8;
  wait_for_signal(SIGHUP);
  return tcgetpgrp(terminal) == -1 ? 0 : 9;
}

static void terminal(void) {
  int master, slave, report[2];
  char name[64], c = 0;
  MUST(openpty(&master, &slave, name, NULL, NULL));
  MUST(pipe(report));
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    close(master);
    close(slave);
    _exit(on_terminal(name, report[1]));
  }
  close(slave);
  close(report[1]);
  CHECK_EQ(read(report[0], &c, 1), 1);
  MUST(write(master, "\003", 1));
  CHECK_EQ(read(report[0], &c, 1), 1);
  CHECK_EQ(c, 'i');
  close(master);
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

int main(void) {
  whole_group();
  terminal();
  return done();
}
