// build: -O0 -g
// A linked list that is built of 20 nodes. When did it become longer than nine?
#include <stdio.h>
#include <stdlib.h>

struct node {
  int value;
  struct node* next;
};

struct node* head;

int list_len(const struct node* n) {
  int length = 0;
  for (; n != NULL; n = n->next) length++;
  return length;
}

struct node* new_node(int value) {
  struct node* n = malloc(sizeof *n);
  n->value = value;
  n->next = NULL;
  return n;
}

void append(int value) {
  struct node* n = new_node(value);
  struct node** end = &head;
  while (*end != NULL) end = &(*end)->next;
  *end = n;
}

void finished(void) { printf("%d nodes\n", list_len(head)); }

int main(void) {
  for (int i = 1; i <= 20; i++) append(i);
  finished();
  return 0;
}
