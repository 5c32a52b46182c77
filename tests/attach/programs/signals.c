// build: -D_GNU_SOURCE -O1 -pthread
// Timers, handlers on a stack of their own, blocked signals, a child that was there before, clocks.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms, timers, users, on_stack;
static char stack[1 << 16];

static void handle(int signal) {
  char here;
  if (&here >= stack && &here < stack + sizeof stack) on_stack++;
  if (signal == SIGALRM) alarms++;
  if (signal == SIGRTMIN) timers++;
  if (signal == SIGUSR1) users++;
}

static long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(void) {
  stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&own, NULL);
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK | SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  sigaction(SIGRTMIN, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  kill(getpid(), SIGUSR1);  // pending all the time

  int to_child[2], from_child[2];
  if (pipe(to_child) != 0 || pipe(from_child) != 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    close(to_child[1]);
    char c;
    while (read(to_child[0], &c, 1) == 1) {
      struct timespec pause = {0, 3000000};
      nanosleep(&pause, NULL);
      c++;
      if (write(from_child[1], &c, 1) != 1) _exit(1);
    }
    _exit(42);
  }
  close(to_child[0]);
  struct itimerval interval = {{0, 7000}, {0, 7000}};
  setitimer(ITIMER_REAL, &interval, NULL);
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  struct itimerspec spec = {{0, 9000000}, {0, 9000000}};
  timer_settime(timer, 0, &spec, NULL);
  int epoll = epoll_create1(0);
  struct epoll_event wanted = {.events = EPOLLIN, .data.fd = from_child[0]};
  epoll_ctl(epoll, EPOLL_CTL_ADD, from_child[0], &wanted);

  long last = now_ms();
  for (int i = 0; i < 200; i++) {
    char c = (char)('a' + i % 20);
    if (write(to_child[1], &c, 1) != 1) return 1;
    int ready;
    if (i % 2 == 0) {
      struct pollfd source = {.fd = from_child[0], .events = POLLIN};
      while ((ready = poll(&source, 1, -1)) < 0 && errno == EINTR) {
      }
    } else {
      while ((ready = epoll_wait(epoll, &wanted, 1, -1)) < 0 && errno == EINTR) {
      }
    }
    if (read(from_child[0], &c, 1) != 1) return 1;
    long now = now_ms();
    char line[80];
    int size = snprintf(line, sizeof line, "%d %d %c %d\n", i, ready, c, now >= last);
    last = now;
    if (write(1, line, (size_t)size) != size) return 1;
  }
  timer_delete(timer);
  memset(&interval, 0, sizeof interval);
  setitimer(ITIMER_REAL, &interval, NULL);
  int before = users;
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  close(to_child[1]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  printf("%d %d %d %d %d %d\n", alarms > 20, timers > 20, before, users, on_stack == alarms + timers + users,
         WEXITSTATUS(status));
  return 5;
}
