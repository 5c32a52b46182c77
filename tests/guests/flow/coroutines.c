// ucontext coroutines: makecontext and swapcontext among many stacks, and one that ends by uc_link.
#include <ucontext.h>
#include "common.h"

enum { COUNT = 50, ROUNDS = 20 };
static ucontext_t scheduler, contexts[COUNT];
static int trace[COUNT], finished;

static void body(int id, int step) {
  int local = id;
  for (int round = 0; round < ROUNDS; round++) {
    local += step;
    trace[id] = local;
    swapcontext(&contexts[id], &scheduler);
  }
  CHECK_EQ(local, id + ROUNDS * step);
  finished++;
}

int main(void) {
  for (int i = 0; i < COUNT; i++) {
    getcontext(&contexts[i]);
    contexts[i].uc_stack.ss_size = 64 << 10;
    contexts[i].uc_stack.ss_sp = map_pages(16, PROT_READ | PROT_WRITE);
    contexts[i].uc_link = &scheduler;
    makecontext(&contexts[i], (void (*)(void))body, 2, i, i % 7);
  }
  long sum = 0;
  for (int round = 0; round <= ROUNDS; round++)
    for (int i = 0; i < COUNT; i++) {
      swapcontext(&scheduler, &contexts[i]);
      sum += trace[i];
    }
  CHECK_EQ(finished, COUNT);
  printf("%ld\n", sum);
  return done();
}
