// A list of 20 nodes, without libc: what the fake session records instruction by instruction.
// build: -O0 -g -static -nostdlib -ffreestanding -no-pie -fno-pie -fno-stack-protector -fcf-protection=none
struct node {
  int value;
  struct node* next;
};

struct node nodes[20];
int used;
struct node* head;

int list_len(const struct node* n) {
  int length = 0;
  for (; n; n = n->next) length++;
  return length;
}

struct node* new_node(int value) {
  struct node* n = &nodes[used++];
  n->value = value;
  n->next = 0;
  return n;
}

void finished(void) {}

void _start(void) {
  head = new_node(1);
  struct node* tail = head;
  for (int i = 2; i <= 20; i++) {
    tail->next = new_node(i);
    tail = tail->next;
  }
  finished();
  __asm__ volatile("syscall" : : "a"(60), "D"(0));
}
