// A program that asks for an executable stack, and runs code on it.
// build: -Wl,-z,execstack
#include "common.h"

int main(void) {
  // mov $42, %eax; add %edi, %eax; ret
  volatile u8 code[] = {0xb8, 42, 0, 0, 0, 0x01, 0xf8, 0xc3};
  int (*f)(int) = (int (*)(int))(uintptr_t)code;
  for (int i = 0; i < 5; i++) printf("%d\n", f(i));
  code[1] = 100;
  for (int i = 0; i < 5; i++) printf("%d\n", f(i));
  return done();
}
