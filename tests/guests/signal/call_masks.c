// Calls that wait with a mask of their own: the handler that ends them runs with that mask and its action's, its frame
// holds the mask from before the call, and that one is in place behind it. Two signals that such a mask lets through are
// both delivered, the handler of the second first. A call that succeeds leaves signals waiting that only its mask let
// through.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "common.h"

static int ends[2], epoll;
static sigset_t call_mask;
static volatile int order[8], handled;
static sigset_t within[8], in_frame[8];

static unsigned long bits(const sigset_t* set) { return *(const unsigned long*)set; }
static unsigned long bit(int signal) { return 1ul << (signal - 1); }
static unsigned long mask_now(void) {
  sigset_t now;
  MUST(sigprocmask(SIG_BLOCK, NULL, &now));
  return bits(&now);
}

static void handler(int signal, siginfo_t* info, void* context) {
  (void)info;
  order[handled] = signal;
  memcpy(&in_frame[handled], &((ucontext_t*)context)->uc_sigmask, 8);
  MUST(sigprocmask(SIG_BLOCK, NULL, &within[handled++]));
}

static long suspends(void) { return sigsuspend(&call_mask); }
static long polls(void) {
  struct pollfd p = {.fd = ends[0], .events = POLLIN};
  return ppoll(&p, 1, NULL, &call_mask);
}
static long selects(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(ends[0], &set);
  return pselect(ends[0] + 1, &set, NULL, NULL, NULL, &call_mask);
}
static long waits(void) {
  struct epoll_event e;
  return epoll_pwait(epoll, &e, 1, -1, &call_mask);
}
static long waits2(void) {
  struct epoll_event e;
  const struct timespec limit = {1000, 0};
  return syscall(441, epoll, &e, 1, &limit, &call_mask, 8);
}

static const struct {
  const char* name;
  long (*wait)(void);
} calls[] = {{"rt_sigsuspend", suspends},
             {"ppoll", polls},
             {"pselect6", selects},
             {"epoll_pwait", waits},
             {"epoll_pwait2", waits2}};

static void show(const char* what, unsigned long mask) {
  printf("  %s:", what);
  for (int s = 1; s < 65; s++)
    if (mask & bit(s)) printf(" %d", s);
  printf("\n");
}

static void one(int i) {
  printf("%s\n", calls[i].name);
  handled = 0;
  sigemptyset(&call_mask);
  sigaddset(&call_mask, SIGHUP);  // not blocked outside
  raise(SIGUSR1), raise(SIGUSR2);
  const unsigned long before = mask_now();
  errno = 0;
  CHECK_EQ(calls[i].wait(), -1);
  CHECK_EQ(errno, EINTR);
  CHECK_EQ(mask_now(), before);
  for (int h = 0; h < handled; h++) {
    printf("  handler of %d\n", order[h]);
    show("runs with", bits(&within[h]));
    show("goes back to", bits(&in_frame[h]));
  }
  // With everything in the mask it waits for what comes: a descriptor.
  if (i == 0) return;
  handled = 0;
  sigfillset(&call_mask);
  sigdelset(&call_mask, SIGUSR2);
  raise(SIGUSR1);
  CHECK_EQ(write(ends[1], "x", 1), 1);
  CHECK_EQ(calls[i].wait(), 1);
  CHECK_EQ(handled, 0);
  char byte;
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  CHECK_EQ(mask_now(), before);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGUSR1);
  CHECK_EQ(sigwaitinfo(&wanted, NULL), SIGUSR1);
  // Ready, and a signal waits that the mask lets through: the signal stays where it is.
  sigemptyset(&call_mask);
  CHECK_EQ(write(ends[1], "x", 1), 1);
  raise(SIGUSR1);
  CHECK_EQ(calls[i].wait(), 1);
  CHECK_EQ(handled, 0);
  CHECK_EQ(sigwaitinfo(&wanted, NULL), SIGUSR1);
  CHECK_EQ(read(ends[0], &byte, 1), 1);
}

int main(void) {
  MUST(pipe(ends));
  epoll = MUST(epoll_create1(0));
  struct epoll_event e = {.events = EPOLLIN};
  MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &e));
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaddset(&action.sa_mask, SIGALRM);
  MUST(sigaction(SIGUSR1, &action, NULL));
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGCHLD);
  MUST(sigaction(SIGUSR2, &action, NULL));
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1), sigaddset(&blocked, SIGUSR2), sigaddset(&blocked, SIGTERM);
  MUST(sigprocmask(SIG_SETMASK, &blocked, NULL));
  for (int i = 0; i < (int)(sizeof calls / sizeof calls[0]); i++) one(i);
  return done();
}
