// glibc changes the ids of all threads of a process by a signal to each (SIGSETXID): to one that spins, to those that
// wait in a futex, a pipe and a sleep, and to some that come and go. And threads that are cancelled in all of these.
// build: -pthread
#include <grp.h>
#include <pthread.h>
#include <semaphore.h>
#include "common.h"

static volatile int stop;
static volatile long spun;
static int ends[2];
static sem_t never, begun;

static void* spins(void* argument) {
  sem_post(&begun);
  while (!stop) spun++;
  return argument;
}
static void* waits(void* argument) {
  sem_post(&begun);
  while (sem_wait(&never) != 0) CHECK_EQ(errno, EINTR);
  return argument;
}
static void* reads(void* argument) {
  char byte;
  sem_post(&begun);
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  return argument;
}
static void* sleeps(void* argument) {
  sem_post(&begun);
  while (!stop) usleep(300);
  return argument;
}
static void* passes(void* argument) { return argument; }
static void* for_ever(void* argument) {
  sem_post(&begun);
  for (;;) {
    if (argument == NULL) pthread_testcancel();
    if (argument == (void*)1) sleep(1000);
    if (argument == (void*)2) sem_wait(&never);
    if (argument == (void*)3) {
      char byte;
      if (read(ends[0], &byte, 1) == 1) return NULL;
    }
  }
}

int main(void) {
  pthread_t thread[4], passing;
  void* (*const functions[])(void*) = {spins, waits, reads, sleeps};
  sem_init(&never, 0, 0), sem_init(&begun, 0, 0);
  MUST(pipe(ends));
  for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, functions[i], NULL);
  for (int i = 0; i < 4; i++) sem_wait(&begun);
  for (int round = 0; round < 20; round++) {
    pthread_create(&passing, NULL, passes, NULL);
    CHECK_EQ(setgid(getgid()), 0);
    CHECK_EQ(setuid(getuid()), 0);
    CHECK_EQ(setresgid(-1, getegid(), -1), 0);
    CHECK_EQ(setreuid(-1, geteuid()), 0);
    pthread_join(passing, NULL);
  }
  stop = 1;
  sem_post(&never);
  CHECK_EQ(write(ends[1], "x", 1), 1);
  for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
  puts("ids changed");
  for (long i = 0; i < 4; i++) pthread_create(&thread[i], NULL, for_ever, (void*)i);
  for (int i = 0; i < 4; i++) sem_wait(&begun);
  for (int i = 0; i < 4; i++) {
    void* result = NULL;
    CHECK_EQ(pthread_cancel(thread[i]), 0);
    pthread_join(thread[i], &result);
    CHECK(result == PTHREAD_CANCELED);
  }
  return done();
}
