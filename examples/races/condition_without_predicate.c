// A condition variable without a predicate: the consumer waits with `if`, and does not look again. Another consumer may
// have come between the wake-up and its turn. A race: exit status 1.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int queued, below_zero;

static void* consumer(void* unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  if (queued == 0) pthread_cond_wait(&more, &mutex);
  queued--;
  if (queued < 0) below_zero = 1;
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void* producer(void* unused) {
  (void)unused;
  for (int i = 0; i < 2; i++) {
    pthread_mutex_lock(&mutex);
    queued++;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

int main(void) {
  pthread_t thread[3];
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, consumer, NULL);
  pthread_create(&thread[2], NULL, producer, NULL);
  for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
  puts(below_zero ? "taken from an empty queue" : "all taken");
  return below_zero;
}
