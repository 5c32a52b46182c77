// Signals among threads: to one of them, to the process with masks that leave only one, a thread that waits for them,
// waiting calls that are interrupted or begin anew, alternate stacks, timers, a storm.
// build: -pthread
#include <errno.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>
#include "common.h"

static __thread int own_id;
static volatile int handled_by[65], on_stack;
static int ends[2], ready[2];
static volatile int storm, interrupted;

static void note(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  handled_by[sig] = own_id;
}

static void note_stack(int sig, siginfo_t* info, void* context) {
  note(sig, info, context);
  stack_t stack;
  sigaltstack(NULL, &stack);
  on_stack = stack.ss_flags == SS_ONSTACK && (char*)&stack >= (char*)stack.ss_sp &&
             (char*)&stack < (char*)stack.ss_sp + stack.ss_size;
}

static void count(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  storm++;
}

static void tell(void) { CHECK_EQ(write(ready[1], "r", 1), 1); }
static void wait_told(void) {
  char c;
  CHECK_EQ(read(ready[0], &c, 1), 1);
}

static void* reads(void* argument) {
  own_id = (int)(long)argument;
  static char stack_memory[65536];
  const stack_t stack = {.ss_sp = stack_memory, .ss_size = sizeof stack_memory};
  MUST(sigaltstack(&stack, NULL));
  char c = 0;
  CHECK_ERR(read(ends[0], &c, 1), EINTR);  // SIGUSR1, no SA_RESTART
  const sigset_t enough = signal_set(SIGUSR1, 0, 0);
  pthread_sigmask(SIG_BLOCK, &enough, NULL);
  interrupted = 1;
  tell();
  CHECK_EQ(read(ends[0], &c, 1), 1);  // SIGUSR2 comes, and the call begins anew
  CHECK_EQ(c, 'r');
  return NULL;
}

static void* waits(void* argument) {
  own_id = (int)(long)argument;
  const sigset_t term = signal_set(SIGTERM, 0, 0), set = signal_set(SIGHUP, 0, 0);
  int got = 0;
  CHECK_EQ(sigwait(&term, &got), 0);
  CHECK_EQ(got, SIGTERM);
  siginfo_t info;
  CHECK_EQ(sigwaitinfo(&set, &info), SIGHUP);
  CHECK_EQ(info.si_code, SI_QUEUE);
  CHECK_EQ(info.si_value.sival_int, 77);
  return NULL;
}

static void* unblocks(void* argument) {
  own_id = (int)(long)argument;
  sigset_t set = signal_set(SIGALRM, 0, 0);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  while (!handled_by[SIGALRM]) {
    struct timespec ms = {0, 1000000};
    nanosleep(&ms, NULL);
  }
  return NULL;
}

static void* send_storm(void* argument) {
  for (int i = 0; i < 1000; i++) pthread_kill(*(pthread_t*)argument, SIGRTMIN);
  return NULL;
}

int main(void) {
  own_id = 1;
  pthread_t thread, self = pthread_self();
  MUST(pipe(ends));
  MUST(pipe(ready));
  on_signal(SIGUSR1, note_stack, SA_ONSTACK);
  on_signal(SIGUSR2, note, SA_RESTART);
  on_signal(SIGALRM, note, 0);
  on_signal(SIGRTMIN, count, 0);

  pthread_create(&thread, NULL, reads, (void*)2);
  while (!interrupted) pthread_kill(thread, SIGUSR1), sched_yield();
  CHECK_EQ(handled_by[SIGUSR1], 2);
  CHECK(on_stack);
  wait_told();
  pthread_kill(thread, SIGUSR2);
  while (handled_by[SIGUSR2] != 2) sched_yield();
  CHECK_EQ(write(ends[1], "r", 1), 1);
  pthread_join(thread, NULL);

  sigset_t blocked = signal_set(SIGTERM, SIGHUP, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &blocked, NULL);
  pthread_create(&thread, NULL, waits, (void*)3);
  CHECK_EQ(kill(getpid(), SIGTERM), 0);
  CHECK_EQ(sigqueue(getpid(), SIGHUP, (union sigval){.sival_int = 77}), 0);
  pthread_join(thread, NULL);

  const struct itimerval soon = {.it_value = {.tv_usec = 2000}};
  pthread_create(&thread, NULL, unblocks, (void*)4);
  MUST(setitimer(ITIMER_REAL, &soon, NULL));
  pthread_join(thread, NULL);
  CHECK_EQ(handled_by[SIGALRM], 4);

  pthread_create(&thread, NULL, send_storm, &self);
  while (storm < 1000) {
  }
  pthread_join(thread, NULL);
  CHECK_EQ(storm, 1000);
  CHECK_EQ(pthread_kill(self, 0), 0);
  return done();
}
