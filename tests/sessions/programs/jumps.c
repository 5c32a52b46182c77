// build: -g -O0
/* Handlers of signals on two stacks, and jumps out of functions and out of a handler. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

jmp_buf outer;
sigjmp_buf after_fault;
int count;

void handler(int n) {
  count += n;
  count -= n - 1;
}

void deep(int n) {
  if (n == 0)
    longjmp(outer, 7);
  deep(n - 1);
  count = -1;
}

int jump(void) {
  int got = setjmp(outer);
  if (got == 0)
    deep(3);
  count += got;
  return got;
}

void on_fault(int n) {
  count += 1;
  siglongjmp(after_fault, n);
}

int fault(void) {
  int n = sigsetjmp(after_fault, 1);
  if (n == 0)
    *(volatile int *)8 = 1;
  count += 100;
  return n;
}

volatile int alarms, spins;

void on_alarm(int n) {
  alarms += n;
}

int spin(void) {
  struct itimerval soon = {.it_value = {.tv_usec = 2000}};
  setitimer(ITIMER_REAL, &soon, NULL);
  while (alarms == 0)
    spins++;
  return alarms;
}

int main(void) {
  stack_t other = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&other, NULL);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGUSR2, handler);
  signal(SIGSEGV, on_fault);
  signal(SIGALRM, on_alarm);
  int a = 1;
  raise(SIGUSR1);
  a += 2;
  raise(SIGUSR2);
  a += jump();
  a += fault();
  a += fault();
  a += spin();
  printf("%d %d\n", a, count);
  return 0;
}
