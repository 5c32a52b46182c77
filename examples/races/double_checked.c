// Broken double-checked lock: the flag is set before the table is there, and the first look at it takes no lock. A race:
// SIGSEGV.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int initialised;
static int* volatile table;

static int look_up(int i) {
  if (!initialised) {
    pthread_mutex_lock(&mutex);
    if (!initialised) {
      initialised = 1;
      table = calloc(16, sizeof *table);
    }
    pthread_mutex_unlock(&mutex);
  }
  return table[i];
}

static void* user(void* i) { return (void*)(long)look_up((int)(long)i); }

int main(void) {
  pthread_t thread[2];
  for (long i = 0; i < 2; i++) pthread_create(&thread[i], NULL, user, (void*)i);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  puts("looked up");
  return 0;
}
