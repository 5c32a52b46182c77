// Handlers that leave by a change of context, in several threads at a time: siglongjmp out of a handler that another
// thread calls, and swapcontext out of one and back into it (a scheduler of the program's own).
// build: -pthread
#include <pthread.h>
#include <setjmp.h>
#include <time.h>
#include <ucontext.h>
#include "common.h"

enum { threads = 3, jumps = 40, switches = 60 };

static __thread sigjmp_buf out;
static __thread volatile int may_jump, jumped;

static void jumps_out(int signal) {
  (void)signal;
  if (!may_jump) return;
  may_jump = 0;
  siglongjmp(out, 1);
}

static volatile int stop;
static pthread_barrier_t finished, leave;
static pthread_t targets[threads];

/// The sender still uses the thread's id.
static void* ends(void) {
  pthread_barrier_wait(&finished);
  pthread_barrier_wait(&leave);
  return NULL;
}

static void* sends(void* argument) {
  while (!stop)
    for (int i = 0; i < threads; i++) pthread_kill(targets[i], SIGUSR1), usleep(100);
  return argument;
}

static void* is_jumped(void* argument) {
  volatile double sum = 0;
  while (jumped < jumps) {
    if (sigsetjmp(out, 1) != 0) {
      jumped++;
      sigset_t now;
      MUST(sigprocmask(SIG_BLOCK, NULL, &now));
      CHECK(!sigismember(&now, SIGUSR1));
    }
    may_jump = 1;
    for (int i = 0; may_jump && i < 100000; i++) sum += 0.5;
    may_jump = 0;
  }
  (void)argument;
  return ends();
}

/// Two contexts of a thread that a signal switches between: each handler swaps to the other context, and returns in its
/// own when it is switched to again.
struct pair {
  ucontext_t main, worker;
  volatile int in_worker, switched;
  volatile long counts[2];
};
static __thread struct pair* volatile pair;  // what a handler sees

static void swaps(int signal) {
  (void)signal;
  struct pair* p = pair;
  if (p == NULL || p->switched >= switches) return;
  p->switched++;
  p->in_worker = !p->in_worker;
  if (p->in_worker) {
    swapcontext(&p->main, &p->worker);
  } else {
    swapcontext(&p->worker, &p->main);
  }
}

static void works(unsigned low, unsigned high) {
  struct pair* p = (struct pair*)((unsigned long)high << 32 | low);
  for (;;) {
    p->counts[1]++;
    if (p->switched >= switches) {  // the last one was to here
      p->in_worker = 0;
      swapcontext(&p->worker, &p->main);
    }
  }
}

static void* is_swapped(void* argument) {
  struct pair own = {.in_worker = 0};
  static __thread char stack[64 << 10];
  MUST(getcontext(&own.worker));
  own.worker.uc_stack.ss_sp = stack;
  own.worker.uc_stack.ss_size = sizeof stack;
  own.worker.uc_link = NULL;
  makecontext(&own.worker, (void (*)(void))works, 2, (unsigned)(unsigned long)&own,
              (unsigned)((unsigned long)&own >> 32));
  pair = &own;
  while (own.switched < switches || own.in_worker) own.counts[0]++;
  pair = NULL;
  CHECK(own.counts[0] > 0);
  CHECK_EQ(own.switched, switches);
  (void)argument;
  return ends();
}

static void under_signals(void (*handler)(int), int flags, void* (*function)(void*)) {
  pthread_t sender;
  const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | flags};
  MUST(sigaction(SIGUSR1, &action, NULL));
  stop = 0;
  for (int i = 0; i < threads; i++) pthread_create(&targets[i], NULL, function, NULL);
  pthread_create(&sender, NULL, sends, NULL);
  pthread_barrier_wait(&finished);
  stop = 1;
  pthread_join(sender, NULL);
  pthread_barrier_wait(&leave);
  for (int i = 0; i < threads; i++) pthread_join(targets[i], NULL);
}

int main(void) {
  pthread_barrier_init(&finished, NULL, threads + 1), pthread_barrier_init(&leave, NULL, threads + 1);
  under_signals(jumps_out, 0, is_jumped);
  puts("jumped");
  under_signals(swaps, 0, is_swapped);
  puts("swapped");
  return done();
}
