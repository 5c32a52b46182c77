// Lock-order deadlock: two transfers in opposite directions lock the same two accounts, each its own first. A race:
// deadlock.
#include <pthread.h>
#include <stdio.h>

typedef struct {
  pthread_mutex_t mutex;
  long balance;
} Account;

static Account account[2] = {{PTHREAD_MUTEX_INITIALIZER, 100}, {PTHREAD_MUTEX_INITIALIZER, 100}};

static void transfer(Account* from, Account* to, long amount) {
  pthread_mutex_lock(&from->mutex);
  pthread_mutex_lock(&to->mutex);
  from->balance -= amount;
  to->balance += amount;
  pthread_mutex_unlock(&to->mutex);
  pthread_mutex_unlock(&from->mutex);
}

static void* customer(void* own) {
  Account* from = own;
  for (int i = 0; i < 10; i++) transfer(from, from == account ? account + 1 : account, 1);
  return NULL;
}

int main(void) {
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, customer, account + i);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  printf("%ld and %ld\n", account[0].balance, account[1].balance);
  return 0;
}
