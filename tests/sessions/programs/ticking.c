// build: -O0 -g -pthread
// A thread that waits while a timer's signals go to another one.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int alarms;
static int channel[2];

static void count(int number) {
  (void)number;
  alarms++;
}

static void *work(void *argument) {
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
  const struct itimerval soon = {.it_interval = {0, 2000}, .it_value = {0, 2000}}, never = {0};
  setitimer(ITIMER_REAL, &soon, NULL);
  while (alarms < 20) continue;
  setitimer(ITIMER_REAL, &never, NULL);
  if (write(channel[1], "x", 1) != 1) return NULL;
  return argument;
}

int main(void) {
  pthread_t thread;
  sigset_t alarm;
  char byte;
  signal(SIGALRM, count);
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, NULL);
  if (pipe(channel) != 0) return 1;
  pthread_create(&thread, NULL, work, NULL);
  if (read(channel[0], &byte, 1) != 1) return 1;
  pthread_join(thread, NULL);
  printf("%d\n", alarms);
  return 0;
}
