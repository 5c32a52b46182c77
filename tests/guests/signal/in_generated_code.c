// Signals arrive while generated code runs, and while it is being changed; the handler looks at the
// interrupted pc, changes the code itself, and runs it.
#include <sys/time.h>
#include <ucontext.h>
#include "code/jit.h"

static u8* page;
static volatile int calls, inside;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info;
  const u64 rip = (u64)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP];
  calls++;
  inside += rip >= (u64)page && rip < (u64)page + 4096;
  put_constant(page + 1024, calls);
  CHECK_EQ(call_code(page + 1024, 0), calls);
  page[2048] = 1;  // what the generated loop waits for
}

int main(void) {
  page = map_pages(1, RWX);
  on_signal(SIGALRM, handler, 0);
  // f: xor %eax, %eax; 1: inc %eax; cmpb $0, flag(%rip); je 1b; ret
  static const u8 loop[] = {0x31, 0xc0, 0xff, 0xc0, 0x80, 0x3d, 0xf5, 0x07, 0, 0, 0, 0x74, 0xf5, 0xc3};
  memcpy(page, loop, sizeof loop);
  const int distance = 2048 - 11;
  memcpy(page + 6, &distance, 4);
  for (int round = 0; round < 10 || inside == 0; round++) {  // busy machines miss the loop at times
    page[2048] = 0;
    const struct itimerval timer = {{0, 0}, {0, 3000}};
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    CHECK(call_code(page, 0) != 0);
    CHECK_EQ(calls, round + 1);
    CHECK_EQ(call_code(page + 1024, 0), round + 1);
  }
  return done();
}
