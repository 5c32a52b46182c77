// As many signals as there can be: fifty thousand that a thread sends itself, each handled before the next instruction;
// forty thousand queued ones from a child, none lost, in order, while two threads compute; a timer that expires all the
// time.
// build: -pthread
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include "common.h"

enum { own = 50000, from_child = 40000 };

static volatile int handled, next, out_of_order;
static void counts(int signal) {
  (void)signal;
  handled++;
}
static void takes(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  out_of_order += info->si_value.sival_int != next++;
}

static volatile int stop;
static void* computes(void* argument) {
  unsigned long first = 0;
  while (!stop) {
    unsigned long v = 1;
    for (int i = 0; i < 1000; i++) v = v * 6364136223846793005ul + 1442695040888963407ul;
    if (first == 0) first = v;
    CHECK(v == first);
  }
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_handler = counts};
  MUST(sigaction(SIGUSR1, &action, NULL));
  for (int i = 0; i < own; i++) {
    raise(SIGUSR1);
    if (handled != i + 1) break;
  }
  CHECK_EQ(handled, own);

  action.sa_sigaction = takes, action.sa_flags = SA_SIGINFO | SA_RESTART;
  MUST(sigaction(SIGRTMIN, &action, NULL));
  pthread_t thread;
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGRTMIN);
  MUST(pthread_sigmask(SIG_BLOCK, &set, NULL));
  pthread_create(&thread, NULL, computes, NULL);  // with the signal blocked: it is the main thread's
  MUST(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
  const pid_t parent = getpid(), child = MUST(fork());
  if (child == 0) {
    for (int i = 0; i < from_child; i++)
      while (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = i}) != 0) sched_yield();
    _exit(0);
  }
  while (next < from_child) continue;
  CHECK_EQ(out_of_order, 0);
  CHECK_EQ(next, from_child);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  stop = 1;
  pthread_join(thread, NULL);

  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  MUST(timer_create(CLOCK_MONOTONIC, &event, &timer));
  handled = 0;
  const struct itimerspec always = {{0, 10000}, {0, 10000}};
  MUST(timer_settime(timer, 0, &always, NULL));
  while (handled < 2000) continue;
  MUST(timer_delete(timer));
  return done();
}
