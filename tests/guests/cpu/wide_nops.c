// 0F 1A and 0F 1B with any operand: nops on a processor without MPX (whose bndldx and others refuse some of
// these operands). On one that refuses them they are illegal here and there alike.
#include "common.h"

#include <setjmp.h>

static sigjmp_buf back;
static void on_illegal(int signal) {
  (void)signal;
  siglongjmp(back, 1);
}

#define TRY(name, ...)                                      \
  do {                                                      \
    u64 value = 7;                                          \
    if (sigsetjmp(back, 1) == 0) {                          \
      __asm__ volatile(".byte " __VA_ARGS__ : "+a"(value)); \
      printf("%s: %llu\n", name, value);                    \
    } else {                                                \
      printf("%s: illegal\n", name);                        \
    }                                                       \
  } while (0)

int main(void) {
  signal(SIGILL, on_illegal);
  TRY("bndldx with a register beyond 3", "0x44, 0x0f, 0x1a, 0x6c, 0x24, 0x00");
  TRY("bndstx relative to rip", "0x0f, 0x1b, 0x05, 0, 0, 0, 0");
  TRY("bndmov with a register beyond 3", "0x66, 0x0f, 0x1a, 0xe5");
  TRY("bndcl", "0xf3, 0x0f, 0x1a, 0xc0");
  TRY("bndmk relative to rip", "0xf3, 0x0f, 0x1b, 0x05, 0, 0, 0, 0");
  TRY("bndcn", "0xf2, 0x0f, 0x1b, 0xc8");
  return done();
}
