// Signals of a terminal and of broken pipes: SIGWINCH as its size changes, SIGINT and SIGQUIT by its characters, job
// control of a child (SIGTSTP by a character, SIGTTIN and SIGTTOU in the background, SIGCONT), SIGHUP as it goes, SIGPIPE.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include "common.h"

static volatile int counts[65];
static void handler(int signal) { counts[signal]++; }
static void catch_signal(int signal) {
  const struct sigaction action = {.sa_handler = handler};
  MUST(sigaction(signal, &action, NULL));
}
static void wait_for(int signal) {
  sigset_t empty;
  sigemptyset(&empty);
  while (counts[signal] == 0) sigsuspend(&empty);
}

static int open_terminal(int* master) {
  *master = MUST(posix_openpt(O_RDWR | O_NOCTTY));
  MUST(grantpt(*master)), MUST(unlockpt(*master));
  return MUST(open(ptsname(*master), O_RDWR | O_NOCTTY));
}

static int status_of(pid_t pid, int options) {
  int status = 0;
  CHECK_EQ(waitpid(pid, &status, options), pid);
  return status;
}

/// The child has the terminal as its own, in a session of its own, and a child of its own in the background.
static int job_control(int slave, int ready) {
  MUST(setsid());
  MUST(ioctl(slave, TIOCSCTTY, 0));
  const pid_t pid = fork();
  if (pid == 0) {  // in the background
    char byte;
    MUST(setpgid(0, 0));
    if (write(ready, "b", 1) != 1) _exit(3);
    const long n = read(slave, &byte, 1);  // SIGTTIN
    _exit(n == 1 && byte == 'q' ? 0 : 4);
  }
  setpgid(pid, pid);
  int status = status_of(pid, WUNTRACED);
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN) return 10;
  signal(SIGTTOU, SIG_IGN);
  if (tcsetpgrp(slave, pid) != 0) return 11;
  kill(pid, SIGCONT);
  if (!WIFCONTINUED(status_of(pid, WCONTINUED))) return 12;
  if (write(ready, "f", 1) != 1) return 13;
  status = status_of(pid, WUNTRACED);  // the character that suspends
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTSTP) return 14;
  kill(pid, SIGCONT);
  if (write(ready, "c", 1) != 1) return 15;
  status = status_of(pid, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 16;
}

int main(void) {
  int master, ends[2], pair[2];
  char byte;
  for (int s = SIGHUP; s <= SIGPIPE; s++)
    if (s == SIGHUP || s == SIGINT || s == SIGQUIT || s == SIGPIPE) catch_signal(s);
  catch_signal(SIGWINCH), catch_signal(SIGCONT), catch_signal(SIGTSTP);
  sigset_t all;
  sigfillset(&all);
  MUST(sigprocmask(SIG_BLOCK, &all, NULL));
  int slave = open_terminal(&master);
  MUST(pipe(ends));

  pid_t pid = MUST(fork());
  if (pid == 0) {
    for (int s = 1; s <= 64; s++) signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(job_control(slave, ends[1]));
  }
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CHECK_EQ(byte, 'b');
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CHECK_EQ(byte, 'f');
  const char suspend = 032;
  CHECK_EQ(write(master, &suspend, 1), 1);
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CHECK_EQ(byte, 'c');
  CHECK_EQ(write(master, "q\n", 2), 2);
  const int status = status_of(pid, 0);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
  puts("job control");

  // This process is told by a terminal of its own.
  close(slave), close(master);
  if ((pid = MUST(fork())) == 0) _exit(0);
  status_of(pid, 0);
  CHECK_EQ(kill(getpid(), SIGTSTP), 0);
  CHECK_EQ(kill(getpid(), SIGCONT), 0);  // takes the other away
  sigset_t pending;
  MUST(sigpending(&pending));
  CHECK(!sigismember(&pending, SIGTSTP));
  CHECK(sigismember(&pending, SIGCONT));
  wait_for(SIGCONT);
  CHECK_EQ(counts[SIGTSTP], 0);
  puts("stop and go on");

  // Broken pipes and sockets: a signal for the one that writes, with or without an answer.
  MUST(pipe(ends));
  close(ends[0]);
  CHECK_ERR(write(ends[1], "x", 1), EPIPE);
  CHECK_EQ(counts[SIGPIPE], 0);
  wait_for(SIGPIPE);
  CHECK_EQ(counts[SIGPIPE], 1);
  MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  close(pair[0]);
  CHECK_ERR(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
  MUST(sigpending(&pending));
  CHECK(!sigismember(&pending, SIGPIPE));
  CHECK_ERR(send(pair[1], "x", 1, 0), EPIPE);
  wait_for(SIGPIPE);
  CHECK_EQ(counts[SIGPIPE], 1);
  MUST(sigpending(&pending));
  CHECK(sigismember(&pending, SIGPIPE));
  counts[SIGPIPE] = 0;
  wait_for(SIGPIPE);
  puts("broken pipes");
  return done();
}
