// How threads end: detached ones, pthread_exit, cancellation with clean-up handlers, a first thread that ends before the
// others, one thread that ends the process. Each in a child of its own, whose status tells.
// status: 7
// build: -pthread
#include <pthread.h>
#include "common.h"

static int cleaned;
static void clean(void* argument) { cleaned += (int)(long)argument; }

static void* wait_for_cancel(void* argument) {
  pthread_cleanup_push(clean, (void*)1);
  pthread_cleanup_push(clean, (void*)10);
  if (argument != NULL) {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;) {
    }
  }
  for (;;) pause();
  pthread_cleanup_pop(1);
  pthread_cleanup_pop(1);
  return NULL;
}

static void* leave(void* argument) { pthread_exit(argument); }

static void* wake(void* argument) {
  write(*(int*)argument, "x", 1);
  return NULL;
}

static void* end_process(void* argument) {
  exit((int)(long)argument);
}

static void* outlive(void* argument) {
  const pthread_t first = *(pthread_t*)argument;
  CHECK_EQ(pthread_join(first, NULL), 0);
  puts("the first thread has ended");
  fflush(stdout);
  if (failures != 0) exit(1);
  exit(7);
}

static void* sleep_for_ever(void* argument) {
  for (;;) pause();
  return argument;
}

int main(void) {
  pthread_t thread;
  void* result;
  pthread_create(&thread, NULL, leave, (void*)42);
  CHECK_EQ(pthread_join(thread, &result), 0);
  CHECK_EQ((long)result, 42);
  for (long i = 0; i < 2; i++) {
    cleaned = 0;
    pthread_create(&thread, NULL, wait_for_cancel, (void*)i);
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(cleaned == 11 || cleaned == 0);  // it may be cancelled before it has begun
  }
  int ends[2];
  MUST(pipe(ends));
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  for (int i = 0; i < 10; i++) {
    char c;
    CHECK_EQ(pthread_create(&thread, &detached, wake, &ends[1]), 0);
    CHECK_EQ(read(ends[0], &c, 1), 1);
  }

  int status;
  fflush(stdout);
  if (MUST(fork()) == 0) {
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
    pthread_create(&thread, NULL, end_process, (void*)5);
    for (;;) pause();
  }
  MUST(wait(&status));
  CHECK_EQ(status, 5 << 8);
  pthread_t self = pthread_self();
  if (failures != 0) return done();
  puts("ok");
  fflush(stdout);
  pthread_create(&thread, NULL, outlive, &self);
  pthread_exit(NULL);
}
