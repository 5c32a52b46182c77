// Condition variables and semaphores: a queue between producers and consumers, broadcast, waits with a time limit.
// build: -pthread
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include "common.h"

enum { producers = 3, consumers = 2, items = 2000, room = 8 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t start = PTHREAD_COND_INITIALIZER;
static int queue[room], head, used, left = producers * items, started;
static long long consumed;
static sem_t turns[2];
static int turn_log[64], turns_taken;

static void wait_for_start(void) {
  pthread_mutex_lock(&mutex);
  while (!started) pthread_cond_wait(&start, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void* produce(void* argument) {
  wait_for_start();
  for (int i = 0; i < items; i++) {
    pthread_mutex_lock(&mutex);
    while (used == room) pthread_cond_wait(&not_full, &mutex);
    queue[(head + used++) % room] = (int)(long)argument * items + i;
    pthread_cond_signal(&not_empty);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void* consume(void* argument) {
  (void)argument;
  wait_for_start();
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (used == 0 && left != 0) pthread_cond_wait(&not_empty, &mutex);
    if (left == 0) break;
    consumed += queue[head];
    head = (head + 1) % room;
    used--;
    if (--left == 0) pthread_cond_broadcast(&not_empty);
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&mutex);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void* take_turns(void* argument) {
  const int own = (int)(long)argument;
  for (int i = 0; i < 32; i++) {
    sem_wait(&turns[own]);
    turn_log[turns_taken++] = own;
    sem_post(&turns[!own]);
  }
  return NULL;
}

static struct timespec in_ms(clockid_t clock, long ms) {
  struct timespec t;
  clock_gettime(clock, &t);
  t.tv_nsec += ms * 1000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  return t;
}

static void* wait_in_vain(void* argument) {
  (void)argument;
  struct timespec limit = in_ms(CLOCK_REALTIME, 3);
  pthread_mutex_lock(&mutex);
  CHECK_EQ(pthread_cond_timedwait(&not_full, &mutex, &limit), ETIMEDOUT);
  pthread_mutex_unlock(&mutex);
  limit = in_ms(CLOCK_REALTIME, 3);
  CHECK_ERR(sem_timedwait(&turns[1], &limit), ETIMEDOUT);
  limit = in_ms(CLOCK_MONOTONIC, 3);
  CHECK_ERR(sem_clockwait(&turns[1], CLOCK_MONOTONIC, &limit), ETIMEDOUT);
  return NULL;
}

int main(void) {
  pthread_t thread[producers + consumers];
  for (long i = 0; i < producers; i++) pthread_create(&thread[i], NULL, produce, (void*)i);
  for (long i = 0; i < consumers; i++) pthread_create(&thread[producers + i], NULL, consume, NULL);
  pthread_mutex_lock(&mutex);
  started = 1;
  pthread_cond_broadcast(&start);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < producers + consumers; i++) pthread_join(thread[i], NULL);
  const long long all = (long long)producers * items;
  CHECK_EQ(consumed, all * (all - 1) / 2);

  sem_init(&turns[0], 0, 1);
  sem_init(&turns[1], 0, 0);
  for (long i = 0; i < 2; i++) pthread_create(&thread[i], NULL, take_turns, (void*)i);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < 64; i++) CHECK_EQ(turn_log[i], i % 2);

  pthread_create(&thread[0], NULL, wait_in_vain, NULL);
  wait_in_vain(NULL);
  pthread_join(thread[0], NULL);
  return done();
}
