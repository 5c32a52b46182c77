// alarm, setitimer of each kind, timer_create with signals: they fire, repeat, are read and stopped.
#include <sys/time.h>
#include <time.h>
#include "common.h"

static volatile int fired[65], overruns, value;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)context;
  fired[sig]++;
  if (info->si_code == SI_TIMER) overruns += info->si_overrun, value = info->si_value.sival_int;
}

static void wait_for(int sig, int times) {
  const sigset_t set = signal_set(sig, 0, 0);
  sigset_t old, open;
  MUST(sigprocmask(SIG_BLOCK, &set, &old));
  open = old;
  sigdelset(&open, sig);
  const int target = fired[sig] + times;
  while (fired[sig] < target) sigsuspend(&open);
  MUST(sigprocmask(SIG_SETMASK, &old, NULL));
}

int main(void) {
  const int used[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGRTMIN + 4};
  for (int i = 0; i < 5; i++) on_signal(used[i], handler, SA_RESTART);
  CHECK_EQ(alarm(100), 0);
  const unsigned left = alarm(0);
  CHECK(left >= 1 && left <= 100);

  struct itimerval timer = {{0, 2000}, {0, 1000}}, old;
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
  wait_for(SIGALRM, 5);
  MUST(getitimer(ITIMER_REAL, &old));
  CHECK_EQ(old.it_interval.tv_usec, 2000);
  timer = (struct itimerval){{0, 0}, {0, 0}};
  MUST(setitimer(ITIMER_REAL, &timer, &old));
  CHECK_EQ(old.it_interval.tv_usec, 2000);
  // Time of the processor: only a loop lets it pass.
  timer = (struct itimerval){{0, 4000}, {0, 4000}};
  MUST(setitimer(ITIMER_VIRTUAL, &timer, NULL));
  volatile unsigned long n = 0;
  while (fired[SIGVTALRM] < 3) n++;
  MUST(setitimer(ITIMER_PROF, &timer, NULL));
  while (fired[SIGPROF] < 3) n++;
  timer = (struct itimerval){{0, 0}, {0, 0}};
  MUST(setitimer(ITIMER_VIRTUAL, &timer, NULL));
  MUST(setitimer(ITIMER_PROF, &timer, NULL));
  CHECK_ERR(setitimer(99, &timer, NULL), EINVAL);

  timer_t id;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 4, .sigev_value = {.sival_int = 77}};
  MUST(timer_create(CLOCK_MONOTONIC, &event, &id));
  struct itimerspec spec = {{0, 3000000}, {0, 1000000}}, now;
  MUST(timer_settime(id, 0, &spec, NULL));
  wait_for(SIGRTMIN + 4, 3);
  CHECK_EQ(value, 77);
  MUST(timer_gettime(id, &now));
  CHECK_EQ(now.it_interval.tv_nsec, 3000000);
  CHECK(timer_getoverrun(id) >= 0);
  MUST(timer_delete(id));
  CHECK_ERR(timer_gettime(id, &now), EINVAL);
  // A timer that only counts.
  event = (struct sigevent){.sigev_notify = SIGEV_NONE};
  MUST(timer_create(CLOCK_REALTIME, &event, &id));
  spec = (struct itimerspec){{0, 0}, {100, 0}};
  MUST(timer_settime(id, 0, &spec, NULL));
  MUST(timer_gettime(id, &now));
  CHECK(now.it_value.tv_sec >= 1 && now.it_value.tv_sec <= 100);
  MUST(timer_delete(id));
  // An absolute time in the past fires at once.
  event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  MUST(timer_create(CLOCK_MONOTONIC, &event, &id));
  spec = (struct itimerspec){{0, 0}, {0, 1}};
  MUST(timer_settime(id, TIMER_ABSTIME, &spec, NULL));
  while (!fired[SIGUSR1]) n++;
  CHECK_EQ(fired[SIGUSR1], 1);
  MUST(timer_delete(id));
  // ualarm and a blocking call that it interrupts. It repeats: one that fires before pause has begun interrupts nothing.
  const int before = fired[SIGALRM];
  CHECK_EQ(ualarm(3000, 3000), 0);
  CHECK_ERR(pause(), EINTR);
  CHECK(ualarm(0, 0) <= 3000);
  CHECK(fired[SIGALRM] > before);
  return done();
}
