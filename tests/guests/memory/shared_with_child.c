// Memory shared with a forked child. The child is not recorded yet, so what it writes there is not in the
// recording either (README, QUIRKS): nothing is verified here.
// modes: run record
#include <sys/mman.h>
#include <sys/wait.h>
#include "common.h"

int main(void) {
  // Shared between a parent and its child.
  volatile int* both = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  both[0] = 1;
  const pid_t child = MUST(fork());
  if (child == 0) {
    both[1] = both[0] + 41;
    _exit(0);
  }
  CHECK_EQ(waitpid(child, NULL, 0), child);
  CHECK_EQ(both[1], 42);
  return done();
}
