// Lost update: two tellers add to one balance without a lock. What one adds is lost if the other has read the old balance
// and writes its own sum later. A race: exit status 1.
#include <pthread.h>
#include <stdio.h>

enum { deposits = 10 };
static long balance;

static void deposit(long amount) { balance = balance + amount; }

static void* teller(void* unused) {
  (void)unused;
  for (int i = 0; i < deposits; i++) deposit(1);
  return NULL;
}

int main(void) {
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, teller, NULL);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  printf("balance %ld of %d\n", balance, 2 * deposits);
  return balance != 2 * deposits;
}
