// Not a deadlock: all threads wait without a time limit, and the handler of a timer's signal wakes them.
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static sem_t woken[2];

static void on_alarm(int signal) {
  (void)signal;
  for (int i = 0; i < 2; i++) sem_post(&woken[i]);
}

static void wait_for(sem_t* semaphore) {
  while (sem_wait(semaphore) != 0) {
  }
}

static void* thread_main(void* semaphore) {
  wait_for(semaphore);
  return NULL;
}

int main(void) {
  pthread_t thread;
  struct sigaction action = {.sa_handler = on_alarm};
  struct itimerval soon = {.it_value = {.tv_usec = 50000}};
  for (int i = 0; i < 2; i++) sem_init(&woken[i], 0, 0);
  sigaction(SIGALRM, &action, NULL);
  pthread_create(&thread, NULL, thread_main, &woken[1]);
  setitimer(ITIMER_REAL, &soon, NULL);
  wait_for(&woken[0]);
  pthread_join(thread, NULL);
  puts("woken");
  return 0;
}
