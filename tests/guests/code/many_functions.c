// More code than any cache holds at once: thousands of generated functions that call one another, some
// rewritten on the way.
#include "code/jit.h"

enum { FUNCTIONS = 20000, SIZE = 64 };

int main(void) {
  u8* area = map_pages(FUNCTIONS * SIZE / 4096 + 1, RWX);
  unsigned state = 1;
  for (int i = 0; i < FUNCTIONS; i++) {
    // add $i, %edi; test %edi, %edi; js 1f; 1: then a jump to another function or a return
    u8* at = area + i * SIZE;
    at[0] = 0x81, at[1] = 0xc7;
    memcpy(at + 2, &i, 4);
    static const u8 middle[] = {0x85, 0xff, 0x78, 0x00};
    memcpy(at + 6, middle, 4);
    state = state * 1103515245 + 12345;
    const int target = i + 1 + (int)(state >> 16) % 7;
    if (target < FUNCTIONS && i % 100 != 99) {
      const int offset = (target - i) * SIZE - 15;
      at[10] = 0xe9;
      memcpy(at + 11, &offset, 4);
    } else {
      static const u8 end[] = {0x89, 0xf8, 0xc3};  // mov %edi, %eax; ret
      memcpy(at + 10, end, 3);
    }
  }
  unsigned sum = 0;
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < FUNCTIONS; i++) sum = sum * 31 + (unsigned)call_code(area + i * SIZE, round);
    for (int i = round; i < FUNCTIONS; i += 997) area[i * SIZE + 2] ^= 1;
  }
  printf("%08x\n", sum);
  return done();
}
