// The stack grows page by page and in leaps within its limit; faults in handlers on an alternate stack
// tell a stack overflow from the rest.
#include <alloca.h>
#include <setjmp.h>
#include <sys/resource.h>
#include "fault/probe.h"

static sigjmp_buf out;
static volatile int overflows;

static void overflow(int sig, siginfo_t* info, void* context) {
  (void)sig;
  const ucontext_t* c = context;
  const u64 rsp = (u64)c->uc_mcontext.gregs[REG_RSP];
  CHECK(rsp - (u64)info->si_addr < 65536 || (u64)info->si_addr - rsp < 65536);
  overflows++;
  siglongjmp(out, 1);
}

static int endless(volatile int n) {
  volatile char here[2000];
  here[n % 2000] = (char)n;
  return endless(n + 1) + here[0];
}

static __attribute__((noinline)) u64 leap(size_t bytes) {
  volatile u8* p = alloca(bytes);
  p[0] = 1;
  p[bytes - 1] = 2;
  return p[0] + p[bytes - 1];
}

int main(void) {
  probe_setup();
  const struct rlimit limit = {4 << 20, RLIM_INFINITY};
  MUST(setrlimit(RLIMIT_STACK, &limit));
  for (size_t bytes = 4096; bytes < 3 << 20; bytes *= 3) CHECK_EQ(leap(bytes), 3);
  on_signal(SIGSEGV, overflow, SA_ONSTACK);
  for (volatile int i = 0; i < 5; i++)
    if (sigsetjmp(out, 1) == 0) endless(i);
  CHECK_EQ(overflows, 5);
  return done();
}
