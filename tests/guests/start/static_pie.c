// A static PIE relocates itself.
// build: -static-pie
#include "common.h"

static const char* words[] = {"alpha", "beta", "gamma"};
static int (*functions[])(const char*, ...) = {printf};

int main(void) {
  for (unsigned i = 0; i < 3; i++) functions[0]("%s\n", words[i]);
  extern char __executable_start;
  CHECK((uintptr_t)&__executable_start > 0x10000000);
  return done();
}
