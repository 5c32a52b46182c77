// Faults inside fault handlers, three deep, on the ordinary and on the alternate stack; each returns to
// its own context.
#include <ucontext.h>
#include "common.h"

static int depth, deepest;
static volatile int* volatile null_pointer;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)info;
  ucontext_t* c = context;
  depth++;
  if (depth > deepest) deepest = depth;
  u64 kept = 0x1000 + depth;
  printf("%*s%s at depth %d\n", depth * 2, "", sig == SIGSEGV ? "SEGV" : sig == SIGILL ? "ILL" : "FPE", depth);
  if (depth < 6) {
    __asm__ volatile("mov %0, %%r12" : : "r"(kept) : "r12");
    if (depth % 3 == 0)
      __asm__ volatile("ud2");
    else if (depth % 3 == 1)
      __asm__ volatile("xor %%ecx, %%ecx\n xor %%edx, %%edx\n div %%ecx" : : : "rax", "rcx", "rdx", "cc");
    else
      __asm__ volatile("mov (%0), %0" : : "r"(null_pointer));
    CHECK_EQ(kept, 0x1000 + depth);
  }
  depth--;
  c->uc_mcontext.gregs[REG_RIP] += sig == SIGSEGV ? 3 : 2;
}

int main(void) {
  for (int round = 0; round < 2; round++) {
    const int flags = SA_NODEFER | (round ? SA_ONSTACK : 0);
    const stack_t stack = {.ss_sp = map_pages(32, PROT_READ | PROT_WRITE), .ss_size = 32 * 4096};
    MUST(sigaltstack(&stack, NULL));
    on_signal(SIGSEGV, handler, flags);
    on_signal(SIGILL, handler, flags);
    on_signal(SIGFPE, handler, flags);
    __asm__ volatile("ud2");
    CHECK_EQ(depth, 0);
    CHECK_EQ(deepest, 6);
  }
  return done();
}
