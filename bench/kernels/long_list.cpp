// A linked list of 1000 nodes, whose length a debugger asks for at every probe of a search (bench/time_travel.py).
#include "bench/kernels/kernel.h"

struct node {
  int value;
  node* next;
};
node* head;

int list_len(const node* n) {
  int length = 0;
  for (; n != nullptr; n = n->next) ++length;
  return length;
}

static void append(int value) {
  node** end = &head;
  while (*end != nullptr) end = &(*end)->next;
  *end = new node{value, nullptr};
}

int main(int argc, char** argv) {
  const auto nodes = kernel::work(argc, argv, 1000);
  for (kernel::u64 i = 0; i < nodes; ++i) append(static_cast<int>(i));
  return kernel::report("long_list", static_cast<kernel::u64>(list_len(head)));
}
