// Two threads that count, each for itself, as long as they run.
// build: -O0 -g -pthread
#include <pthread.h>
#include <stdio.h>

static volatile long main_turns, other_turns;
static volatile int done;

static void spin(void) {
  for (long i = 0; i < 3000000; i++) main_turns++;
}

static void* other(void* nothing) {
  while (!done)
    other_turns++;
  return nothing;
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, other, NULL);
  while (other_turns == 0) main_turns++;
  spin();
  spin();
  spin();
  done = 1;
  puts("joining");
  fflush(stdout);
  pthread_join(thread, NULL);
  return 0;
}
