/* What handlers are told of a fault and of a queued signal. */
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static sigjmp_buf behind;
volatile int calls;

void seen(int number, int code, void *address, int value) { calls++; }

void on_fault(int number, siginfo_t *info, void *context) {
  seen(info->si_signo, info->si_code, info->si_addr, 0);
  siglongjmp(behind, 1);
}
void on_signal(int number, siginfo_t *info, void *context) {
  seen(info->si_signo, info->si_code, NULL, info->si_value.sival_int);
}
int twice(int n) { return 2 * n; }

int main(void) {
  struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  struct sigaction queued = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &fault, NULL);
  sigaction(SIGUSR1, &queued, NULL);
  for (int i = 0; i < 2; i++) {
    if (sigsetjmp(behind, 1) == 0) *(volatile int *)16 = 1;
  }
  for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 5});
  return calls;
}
