// The trap flag: a SIGTRAP after each instruction, with rip at the next one, through jumps, calls and
// system calls, until the handler clears it.
#include <ucontext.h>
#include "common.h"

extern const u8 step_first[], step_1[], step_2[], step_3[], step_4[], step_5[], step_6[], step_7[], step_8[];
static const u8* const expected[] = {step_1, step_2, step_3, step_4, step_5, step_6, step_7, step_8};
static int steps;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig;
  greg_t* g = ((ucontext_t*)context)->uc_mcontext.gregs;
  if (steps < 8) {
    CHECK_EQ(g[REG_RIP], (u64)expected[steps]);
    CHECK_EQ(info->si_code, TRAP_TRACE);
    CHECK_EQ(g[REG_EFL] >> 8 & 1, 1);
  }
  if (++steps >= 8) g[REG_EFL] &= ~0x100;
}

int main(void) {
  on_signal(SIGTRAP, handler, 0);
  for (int round = 0; round < 5; round++) {
    u64 sum = 0;
    steps = 0;
    __asm__ volatile(
        "lea -256(%%rsp), %%rsp\n pushfq\n orl $0x100, (%%rsp)\n popfq\n"
        "step_first: nop\n"
        "step_1: mov $5, %%eax\n"
        "step_2: jmp step_3\n ud2\n"
        "step_3: call 1f\n"
        "step_6: inc %%eax\n"
        "step_7: cmp %%eax, %%eax\n"
        "step_8: nop\n lea 256(%%rsp), %%rsp\n jmp 2f\n"
        "1: step_4: add $10, %%eax\n"
        "step_5: ret\n"
        "2:"
        : "=a"(sum)
        :
        : "memory", "cc");
    CHECK_EQ(sum, 16);
    CHECK_EQ(steps, 8);
  }
  return done();
}
