// siglongjmp out of handlers: of a SIGSEGV, of a SIGALRM that ends an endless loop, of a call that
// blocks, from the alternate stack, hundreds of times.
#include <setjmp.h>
#include <sys/time.h>
#include "common.h"

static sigjmp_buf out;
static volatile int* volatile nowhere;
static int pipe_fds[2];

static void handler(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  siglongjmp(out, sig);
}

static void arm(void) {
  const struct itimerval timer = {{0, 0}, {0, 3000}};
  MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

int main(void) {
  const stack_t stack = {.ss_sp = map_pages(16, PROT_READ | PROT_WRITE), .ss_size = 16 * 4096};
  MUST(sigaltstack(&stack, NULL));
  MUST(pipe(pipe_fds));
  for (volatile int round = 0; round < 2; round++) {
    const int flags = round ? SA_ONSTACK : 0;
    on_signal(SIGSEGV, handler, flags);
    on_signal(SIGALRM, handler, flags);
    for (volatile int i = 0; i < 300; i++) {
      const int sig = sigsetjmp(out, 1);
      if (sig == 0) CHECK_EQ(*nowhere, 0);
      CHECK_EQ(sig, SIGSEGV);
    }
    for (volatile int i = 0; i < 10; i++) {
      const int sig = sigsetjmp(out, 1);
      if (sig == 0) {
        arm();
        for (volatile unsigned long n = 0;; n++) {
        }
      }
      CHECK_EQ(sig, SIGALRM);
    }
    for (volatile int i = 0; i < 10; i++) {
      char c;
      const int sig = sigsetjmp(out, 1);
      if (sig == 0) {
        arm();
        MUST(read(pipe_fds[0], &c, 1));
      }
      CHECK_EQ(sig, SIGALRM);
    }
    stack_t now;
    MUST(sigaltstack(NULL, &now));
    CHECK_EQ(now.ss_flags, 0);
  }
  return done();
}
