// A blocking call that a signal interrupts: restarted with SA_RESTART, EINTR without, EINTR always for
// the calls that never restart, and a short result where some data was moved already.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include "common.h"

static int pipe_fds[2];
static volatile int alarms;
static int feed;  // write a byte to the pipe at this alarm, so that a restarted call ends

static void on_alarm(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  if (++alarms == feed && write(pipe_fds[1], "x", 1) != 1) failures++;
}

static void start(int flags, int feed_at) {
  alarms = 0, feed = feed_at;
  on_signal(SIGALRM, on_alarm, flags);
  const struct itimerval timer = {{0, 10000}, {0, 10000}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
}
static void stop(void) {
  const struct itimerval off = {{0, 0}, {0, 0}};
  MUST(setitimer(ITIMER_REAL, &off, NULL));
}

int main(void) {
  char c;
  MUST(pipe(pipe_fds));
  start(0, 0);
  CHECK_ERR(read(pipe_fds[0], &c, 1), EINTR);
  stop();
  CHECK(alarms >= 1);
  start(SA_RESTART, 3);
  CHECK_EQ(read(pipe_fds[0], &c, 1), 1);
  stop();
  CHECK(alarms >= 3);

  // These give EINTR in spite of SA_RESTART.
  struct pollfd p = {pipe_fds[0], POLLIN, 0};
  start(SA_RESTART, 0);
  CHECK_ERR(poll(&p, 1, -1), EINTR);
  CHECK_ERR(ppoll(&p, 1, NULL, NULL), EINTR);
  fd_set set;
  FD_ZERO(&set);
  FD_SET(pipe_fds[0], &set);
  CHECK_ERR(select(pipe_fds[0] + 1, &set, NULL, NULL, NULL), EINTR);
  const int epoll = MUST(epoll_create1(0));
  struct epoll_event event = {.events = EPOLLIN}, out;
  MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fds[0], &event));
  CHECK_ERR(epoll_wait(epoll, &out, 1, -1), EINTR);
  CHECK_ERR(pause(), EINTR);
  const struct timespec hour = {3600, 0};
  struct timespec left = {0, 0};
  CHECK_ERR(nanosleep(&hour, &left), EINTR);
  CHECK(left.tv_sec > 3000 && left.tv_sec <= 3600);
  CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, &left), EINTR);
  CHECK(left.tv_sec > 3000 && left.tv_sec < 3600);
  stop();

  // A socket with a time-out does not restart; one without does.
  int sockets[2];
  MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
  start(SA_RESTART, 0);
  const struct timeval long_time = {1000, 0};
  MUST(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time));
  CHECK_ERR(recv(sockets[0], &c, 1, 0), EINTR);
  stop();

  // A write to a full pipe that has moved something gives what it moved.
  MUST(fcntl(pipe_fds[1], F_SETPIPE_SZ, 4096));
  char* big = calloc(1, 100000);
  start(SA_RESTART, 0);
  const ssize_t n = write(pipe_fds[1], big, 100000);
  stop();
  CHECK_EQ(n, 4096);

  // waitpid restarts: the child ends only after three alarms.
  MUST(pipe(pipe_fds));
  const pid_t child = MUST(fork());
  if (child == 0) _exit(read(pipe_fds[0], &c, 1) == 1 ? 9 : 1);
  start(SA_RESTART, 3);
  int status = 0;
  CHECK_EQ(waitpid(child, &status, 0), child);
  stop();
  CHECK_EQ(WEXITSTATUS(status), 9);
  CHECK(alarms >= 3);
  return done();
}
