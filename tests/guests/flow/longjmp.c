// setjmp/longjmp over many frames, and siglongjmp with and without the signal mask.
#include <setjmp.h>
#include "common.h"

static jmp_buf out;
static sigjmp_buf sig_out;
static volatile int frames;

static int dive(int n) {
  frames++;
  if (n == 0) longjmp(out, 42);
  return dive(n - 1) + 1;
}

static void leave(int sig) {
  (void)sig;
  siglongjmp(sig_out, 7);
}

int main(void) {
  volatile int rounds = 0;
  for (int depth = 1; depth < 2000; depth = depth * 3 + 1) {
    frames = 0;
    const int value = setjmp(out);
    if (value == 0) dive(depth);
    CHECK_EQ(value, 42);
    CHECK_EQ(frames, depth + 1);
    rounds++;
  }
  printf("%d rounds\n", rounds);
  if (setjmp(out) == 0) longjmp(out, 0);

  signal(SIGUSR1, leave);
  for (volatile int i = 0; i < 200; i++) {
    const int value = sigsetjmp(sig_out, 1);
    if (value == 0) {
      raise(SIGUSR1);
      CHECK(0);
    }
    CHECK_EQ(value, 7);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    CHECK(!sigismember(&mask, SIGUSR1));
  }
  if (sigsetjmp(sig_out, 0) == 0) raise(SIGUSR1);
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  CHECK(sigismember(&mask, SIGUSR1));
  return done();
}
