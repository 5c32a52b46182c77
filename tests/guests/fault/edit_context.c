// A handler edits the saved context: it skips the faulting instruction, repairs a register and retries,
// sends the program elsewhere, changes flags and vector registers, and what it wrote takes effect.
#include <ucontext.h>
#include "common.h"

extern const u8 at_skip[], after_skip[], elsewhere[];
static enum { SKIP, REPAIR, ELSEWHERE, FLAGS, VECTOR } mode;
static u64 good = 12345;
static int calls;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info;
  ucontext_t* c = context;
  greg_t* g = c->uc_mcontext.gregs;
  calls++;
  switch (mode) {
    case SKIP:
      g[REG_RIP] = (greg_t)after_skip;
      g[REG_RAX] = 77;
      break;
    case REPAIR:
      g[REG_RBX] = (greg_t)&good;
      break;
    case ELSEWHERE:
      g[REG_RIP] = (greg_t)elsewhere;
      break;
    case FLAGS:
      g[REG_RIP] += 2;
      g[REG_EFL] = (g[REG_EFL] & ~0xcd5) | 0x895;
      break;
    case VECTOR:
      g[REG_RIP] += 2;
      for (int i = 0; i < 4; i++) c->uc_mcontext.fpregs->_xmm[5].element[i] = 0x1000 + i;
      c->uc_mcontext.fpregs->mxcsr = 0x3f80;
      break;
  }
}

int main(void) {
  on_signal(SIGSEGV, handler, 0);
  on_signal(SIGILL, handler, 0);
  for (int round = 0; round < 50; round++) {
    u64 a, b;
    mode = SKIP;
    __asm__ volatile("xor %%ebx, %%ebx\n mov $5, %%eax\n at_skip: mov (%%rbx), %%rcx\n after_skip: add $1, %%rax"
                     : "=a"(a)
                     :
                     : "rbx", "rcx", "cc");
    CHECK_EQ(a, 78);
    mode = REPAIR;
    __asm__ volatile("mov $8, %%ebx\n mov $3, %%eax\n imul (%%rbx), %%rax\n mov %%rbx, %1"
                     : "=&a"(a), "=r"(b)
                     :
                     : "rbx", "cc");
    CHECK_EQ(a, 3 * 12345);
    CHECK_EQ(b, (uintptr_t)&good);
    mode = ELSEWHERE;
    __asm__ volatile("mov $1, %%eax\n ud2\n mov $2, %%eax\n jmp 1f\n elsewhere: mov $3, %%eax\n 1:" : "=a"(a) : : "cc");
    CHECK_EQ(a, 3);
    mode = FLAGS;
    __asm__ volatile("lea -256(%%rsp), %%rsp\n xor %%eax, %%eax\n ud2\n pushfq\n pop %0\n lea 256(%%rsp), %%rsp"
                     : "=a"(a)
                     :
                     : "cc", "memory");
    CHECK_EQ(a & 0xcd5, 0x895);
    mode = VECTOR;
    unsigned lanes[4], control, normal = 0x1f80;
    __asm__ volatile("ud2\n movdqu %%xmm5, %0\n stmxcsr %1\n ldmxcsr %2"
                     : "=m"(lanes), "=m"(control)
                     : "m"(normal)
                     : "xmm5");
    for (int i = 0; i < 4; i++) CHECK_EQ(lanes[i], 0x1000 + i);
    CHECK_EQ(control, 0x3f80);
  }
  CHECK_EQ(calls, 250);
  return done();
}
