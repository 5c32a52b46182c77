// Two workers that add to the same sum, and a first thread that waits for them.
// build: -O0 -g -pthread -D_GNU_SOURCE
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t start = PTHREAD_COND_INITIALIZER;
static int started, total;
static __thread int own;

static void add(int n) {
  pthread_mutex_lock(&mutex);
  total += n;
  own += n;
  pthread_mutex_unlock(&mutex);
}

static void* work(void* argument) {
  int n = (int)(long)argument;
  pthread_setname_np(pthread_self(), n == 1 ? "ones" : "tens");
  pthread_mutex_lock(&mutex);
  while (!started) pthread_cond_wait(&start, &mutex);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < 3; i++)
    add(n);
  return argument;
}

int main(void) {
  pthread_t ones, tens;
  pthread_create(&ones, NULL, work, (void*)1L);
  pthread_create(&tens, NULL, work, (void*)10L);
  pthread_mutex_lock(&mutex);
  started = 1;
  pthread_cond_broadcast(&start);
  pthread_mutex_unlock(&mutex);
  pthread_join(ones, NULL);
  pthread_join(tens, NULL);
  printf("%d\n", total);
  return 0;
}
