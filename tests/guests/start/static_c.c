// A statically linked C program: IRELATIVE relocations, TLS set up without a dynamic linker.
// status: 43
// build: -static
// args: 3 5
#include "common.h"

static __thread int counter = 40;

int main(int argc, char** argv) {
  CHECK_EQ(argc, 3);
  counter += atoi(argv[1]);
  char text[64];
  snprintf(text, sizeof text, "%d %s %.3f", counter, argv[2], 2.0 / 3.0);
  puts(text);
  CHECK_EQ(strlen(text), 10);
  CHECK_EQ(memcmp(text, "43 5 0.667", 10), 0);
  return done() ? 1 : counter;
}
