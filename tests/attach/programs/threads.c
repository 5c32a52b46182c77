// build: -D_GNU_SOURCE -O1 -g -pthread
// Threads that take turns, wait with and without time limits, and come and go.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { workers = 4, rounds = 600 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn;
static __thread long own;

static void* short_one(void* argument) { return (void*)((long)argument * 2 + 1); }

static void* work(void* argument) {
  const long me = (long)argument;
  unsigned long x = (unsigned long)me;
  char name[16];
  snprintf(name, sizeof name, "worker-%ld", me);
  pthread_setname_np(pthread_self(), name);
  for (int i = 0; i < rounds; i++) {
    own += i;
    for (int j = 0; j < 150000; j++) x = x * 6364136223846793005ul + 1;
    char* block = memset(malloc((size_t)(10000 + i * 100)), i, 10000);
    pthread_mutex_lock(&lock);
    while (turn != me) {
      struct timespec until;
      clock_gettime(CLOCK_REALTIME, &until);
      until.tv_sec += 5;
      if (me % 2 != 0)
        pthread_cond_wait(&changed, &lock);
      else
        pthread_cond_timedwait(&changed, &lock, &until);
    }
    void* answer = NULL;
    if (i % 10 == 0) {
      pthread_t made;
      pthread_create(&made, NULL, short_one, (void*)(long)i);
      pthread_join(made, &answer);
    }
    pthread_getname_np(pthread_self(), name, sizeof name);
    char line[120];
    int size = snprintf(line, sizeof line, "%s %d %lu %ld %ld %d\n", name, i, x, own, (long)answer, block[9999]);
    if (write(1, line, (size_t)size) != size) exit(1);  // mark
    turn = (turn + 1) % workers;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    free(block);
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
  }
  return (void*)own;
}

int main(void) {
  pthread_t threads[workers];
  for (long i = 0; i < workers; i++) pthread_create(&threads[i], NULL, work, (void*)i);
  long all = 0;
  for (int i = 0; i < workers; i++) {
    void* result;
    pthread_join(threads[i], &result);
    all += (long)result;
  }
  printf("%ld\n", all);
  return 3;
}
