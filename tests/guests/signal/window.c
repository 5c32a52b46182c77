// No signal is lost in the window before a call that waits for it: the program looks at a flag with the signal blocked,
// and then waits with a mask that lets it through; the signal comes at a time of its own, in that window as elsewhere.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <time.h>
#include "common.h"

enum { rounds = 400 };

static volatile int came;
static sigset_t empty, set;
static void handler(int signal) { came = signal; }

static void suspends(void) { CHECK_EQ(sigsuspend(&empty), -1); }
static void polls(void) { CHECK_EQ(ppoll(NULL, 0, NULL, &empty), -1); }
static void selects(void) { CHECK_EQ(pselect(0, NULL, NULL, NULL, NULL, &empty), -1); }
static int epoll;
static void waits(void) {
  struct epoll_event e;
  CHECK_EQ(epoll_pwait(epoll, &e, 1, -1, &empty), -1);
}
static void takes(void) { came = sigwaitinfo(&set, NULL); }
static int descriptor;
static void reads(void) {
  struct signalfd_siginfo info;
  CHECK_EQ(read(descriptor, &info, sizeof info), (long)sizeof info);
  came = (int)info.ssi_signo;
}
static const struct {
  const char* name;
  void (*wait)(void);
} calls[] = {{"rt_sigsuspend", suspends}, {"ppoll", polls},           {"pselect6", selects},
             {"epoll_pwait", waits},      {"rt_sigtimedwait", takes}, {"signalfd", reads}};

int main(void) {
  const struct sigaction action = {.sa_handler = handler};
  MUST(sigaction(SIGALRM, &action, NULL));
  sigemptyset(&empty), sigemptyset(&set), sigaddset(&set, SIGALRM);
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  descriptor = MUST(signalfd(-1, &set, 0));
  epoll = MUST(epoll_create1(0));
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  MUST(timer_create(CLOCK_MONOTONIC, &event, &timer));
  unsigned long seed = 1;
  for (int c = 0; c < (int)(sizeof calls / sizeof calls[0]); c++) {
    for (int i = 0; i < rounds; i++) {
      seed = seed * 6364136223846793005ul + 1;
      const struct itimerspec when = {{0, 0}, {0, 1 + (long)(seed >> 33) % 40000}};
      came = 0;
      MUST(timer_settime(timer, 0, &when, NULL));
      for (volatile unsigned long spin = seed >> 53; spin != 0; spin--) {
      }
      while (!came) calls[c].wait();
      CHECK_EQ(came, SIGALRM);
    }
    printf("%s: %d\n", calls[c].name, rounds);
  }
  return done();
}
