// Double free by race: whoever closes the connection first frees its buffer, and forgets it a moment later. A race:
// malloc notices the second free, and aborts.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char* volatile buffer;

static void* closing(void* unused) {
  (void)unused;
  if (buffer != NULL) {
    free(buffer);
    buffer = NULL;
  }
  return NULL;
}

int main(void) {
  pthread_t thread[2];
  buffer = malloc(100000);
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, closing, NULL);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  puts("closed");
  return 0;
}
