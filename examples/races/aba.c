// ABA: a stack of free nodes, popped by compare-and-swap. Between the look at the next node and the swap the top may have
// been taken and come back, with another next node: the swap succeeds, and puts a node on the stack that somebody uses.
// A race: exit status 1.
#include <pthread.h>
#include <stdio.h>

typedef struct Node {
  struct Node* next;
  int users;
} Node;

enum { nodes = 3, rounds = 50 };
static Node node[nodes];
static Node* top;
static Node* shared;

static void push(Node* n) {
  n->next = __atomic_load_n(&top, __ATOMIC_SEQ_CST);
  while (!__atomic_compare_exchange_n(&top, &n->next, n, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
}

static Node* pop(void) {
  Node* n = __atomic_load_n(&top, __ATOMIC_SEQ_CST);
  while (n != NULL) {
    Node* next = n->next;
    if (__atomic_compare_exchange_n(&top, &n, next, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return n;
  }
  return NULL;
}

static void begin_use(Node* n) {
  if (n != NULL && __atomic_add_fetch(&n->users, 1, __ATOMIC_SEQ_CST) != 1) shared = n;
}

static void end_use(Node* n) {
  if (n == NULL) return;
  __atomic_sub_fetch(&n->users, 1, __ATOMIC_SEQ_CST);
  push(n);
}

static void* user(void* unused) {
  (void)unused;
  for (int i = 0; i < rounds; i++) {
    Node* a = pop();
    begin_use(a);
    Node* b = pop();
    begin_use(b);
    end_use(a);
    end_use(b);
  }
  return NULL;
}

int main(void) {
  pthread_t thread[2];
  for (int i = 0; i < nodes; i++) push(&node[i]);
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, user, NULL);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  puts(shared == NULL ? "every node had one user at a time" : "a node had two users");
  return shared != NULL;
}
