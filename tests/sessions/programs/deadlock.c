// Two threads that take two locks in opposite orders, each when the other has its first one.
// build: -O0 -g -pthread
#define _GNU_SOURCE
#include <pthread.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
static int done;

static void take(pthread_mutex_t* one, pthread_mutex_t* other) {
  pthread_mutex_lock(one);
  pthread_barrier_wait(&both);
  pthread_mutex_lock(other);
  done++;
  pthread_mutex_unlock(other);
  pthread_mutex_unlock(one);
}

static void* work(void* nothing) {
  pthread_setname_np(pthread_self(), "other");
  take(&second, &first);
  return nothing;
}

int main(void) {
  pthread_t other;
  pthread_barrier_init(&both, NULL, 2);
  pthread_create(&other, NULL, work, NULL);
  take(&first, &second);
  pthread_join(other, NULL);
  return 0;
}
