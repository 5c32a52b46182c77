// Five hundred threads alive at once, five thousand one behind the other.
// build: -pthread
#include <pthread.h>
#include "common.h"

enum { at_once = 500, in_sequence = 5000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static int here;

static void* meet(void* argument) {
  pthread_mutex_lock(&mutex);
  if (++here == at_once) pthread_cond_broadcast(&all_here);
  while (here < at_once) pthread_cond_wait(&all_here, &mutex);
  pthread_mutex_unlock(&mutex);
  return argument;
}

static void* nothing(void* argument) { return argument; }

int main(void) {
  static pthread_t thread[at_once];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  for (long i = 0; i < at_once; i++) CHECK_EQ(pthread_create(&thread[i], &small, meet, (void*)i), 0);
  for (long i = 0; i < at_once; i++) {
    void* result;
    CHECK_EQ(pthread_join(thread[i], &result), 0);
    CHECK_EQ((long)result, i);
  }
  for (long i = 0; i < in_sequence; i++) {
    void* result = NULL;
    CHECK_EQ(pthread_create(&thread[0], &small, nothing, (void*)i), 0);
    CHECK_EQ(pthread_join(thread[0], &result), 0);
    CHECK_EQ((long)result, i);
  }
  return done();
}
