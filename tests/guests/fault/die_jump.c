// Death by a jump to nowhere, SIGSEGV ignored: an ignored fault kills.
// status: -11
#include "common.h"

int main(void) {
  signal(SIGSEGV, SIG_IGN);
  puts("before");
  fflush(stdout);
  void (*volatile f)(void) = (void (*)(void))0x1234;
  f();
  return 0;
}
