// Missed wake-up: the flag is set and signalled without the mutex. If that comes between the waiter's look at the flag
// and its wait, nobody ever wakes it. A race: deadlock.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static int ready;

static void* producer(void* unused) {
  (void)unused;
  __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
  pthread_cond_signal(&arrived);
  return NULL;
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, producer, NULL);
  pthread_mutex_lock(&mutex);
  while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST)) pthread_cond_wait(&arrived, &mutex);
  pthread_mutex_unlock(&mutex);
  pthread_join(thread, NULL);
  puts("it has arrived");
  return 0;
}
