// build: -O0 -g -pthread
// A thread that waits while another one computes for long.
#include <pthread.h>
#include <stdio.h>

static long sum;

static void *compute(void *argument) {
  long n = 0;
  for (long i = 0; i < 200000000; i++) n += i & 3;
  sum = n;
  return argument;
}

int main(void) {
  pthread_t thread;
  int step = 1;
  pthread_create(&thread, NULL, compute, NULL);
  step = 2;
  pthread_join(thread, NULL);
  step = 3;
  printf("%ld %d\n", sum, step);
  return 0;
}
