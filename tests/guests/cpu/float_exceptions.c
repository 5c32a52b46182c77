// Unmasked floating-point exceptions: SIGFPE with the code that says which, from SSE at the instruction
// and from x87 at the one after it.
#include <ucontext.h>
#include "common.h"

static int code;
static u64 rip, address;
extern const u8 at_divide[], at_wait[];

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig;
  ucontext_t* c = context;
  code = info->si_code, rip = (u64)c->uc_mcontext.gregs[REG_RIP], address = (u64)info->si_addr;
  c->uc_mcontext.fpregs->mxcsr = 0x1f80;
  c->uc_mcontext.fpregs->cwd = 0x37f;
  c->uc_mcontext.fpregs->swd = 0;
}

int main(void) {
  on_signal(SIGFPE, handler, 0);
  static const struct {
    double a, b;
    unsigned unmask;
    int code;
  } rows[] = {{1, 0, 0x200, FPE_FLTDIV},
              {0, 0, 0x80, FPE_FLTINV},
              {1e300, 1e-300, 0x400, FPE_FLTOVF},
              {1e-300, 1e300, 0x800, FPE_FLTUND},
              {1, 3, 0x1000, FPE_FLTRES}};
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < 5; i++) {
      const unsigned control = 0x1f80 & ~rows[i].unmask;
      double result;
      code = 0;
      __asm__ volatile("ldmxcsr %1\n movsd %2, %%xmm0\n at_divide: divsd %3, %%xmm0\n movsd %%xmm0, %0"
                       : "=m"(result)
                       : "m"(control), "m"(rows[i].a), "m"(rows[i].b)
                       : "xmm0", "memory");
      CHECK_EQ(code, rows[i].code);
      CHECK_EQ(rip, (u64)at_divide);
      CHECK_EQ(address, (u64)at_divide);
    }
  const unsigned short word = 0x37b;  // division by zero unmasked
  code = 0;
  __asm__ volatile("fninit\n fldcw %0\n fld1\n fldz\n fdivrp\n nop\n at_wait: fwait\n fninit" : : "m"(word) : "memory");
  CHECK_EQ(code, FPE_FLTDIV);
  CHECK_EQ(rip, (u64)at_wait);
  return done();
}
