// Asynchronous signals in a counting loop, signals to itself, nested faults; one second at most.
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms, own;
static volatile unsigned long count;
static sigjmp_buf back;

static void on_alarm(int signal) {
  (void)signal;
  alarms++;
}
static void on_own(int signal) {
  (void)signal;
  own++;
  if (own < 3) raise(SIGUSR1);
}
static void on_fault(int signal) {
  (void)signal;
  siglongjmp(back, 1);
}

int main(void) {
  struct sigaction nested = {.sa_handler = on_own, .sa_flags = SA_NODEFER};
  sigaction(SIGUSR1, &nested, NULL);
  signal(SIGALRM, on_alarm);
  signal(SIGSEGV, on_fault);
  const struct itimerval period = {{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &period, NULL);
  int jumps = 0;
  while (alarms < 20 || count <= 5000) {
    count++;
    if (count % 10000 == 0 && jumps < 5) {
      if (sigsetjmp(back, 1) == 0) {
        *(volatile int *)8 = 1;
      } else {
        jumps++;
      }
    }
    if (count == 5000) raise(SIGUSR1);
  }
  printf("%d %d\n", (int)own, alarms >= 20);
  return 0;
}
