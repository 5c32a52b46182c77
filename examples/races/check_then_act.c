// Check-then-act: looking at the stock and taking from it are locked each by itself, but not together. Two customers
// may both see the last piece. A race: exit status 1.
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int stock = 1;

static int available(void) {
  pthread_mutex_lock(&mutex);
  const int pieces = stock;
  pthread_mutex_unlock(&mutex);
  return pieces > 0;
}

static void take(void) {
  pthread_mutex_lock(&mutex);
  stock--;
  pthread_mutex_unlock(&mutex);
}

static void* customer(void* unused) {
  (void)unused;
  if (available()) take();
  return NULL;
}

int main(void) {
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, customer, NULL);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  printf("%d pieces left\n", stock);
  return stock < 0;
}
