// A thread cannot be made for now: pthread_create fails, and the program goes on.
// modes: run verify
// build: -pthread
// expect: EAGAIN
// expect: ok
// fred-line:
#include <pthread.h>
#include "common.h"

static void* body(void* argument) { return argument; }

int main(void) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, body, NULL);
  puts(error == EAGAIN ? "EAGAIN" : "a thread");
  if (error == 0) pthread_join(thread, NULL);
  return done();
}
