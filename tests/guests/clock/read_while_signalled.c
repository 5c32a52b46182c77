// Signals that come between many readings of the clock.
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t hits;
static void on_alarm(int signal) {
  (void)signal;
  hits++;
}

int main(void) {
  signal(SIGALRM, on_alarm);
  const struct itimerval period = {{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &period, NULL);
  struct timespec last = {0}, now;
  int backwards = 0;
  while (hits < 100) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    backwards += now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec);
    last = now;
    for (volatile int i = 0; i < 100; i++) {
    }
  }
  printf("%s\n", backwards ? "FAIL" : "ok");
  return 0;
}
