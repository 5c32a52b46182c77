// Straight code much longer than any block, blocks that end at a page's end, an instruction across a
// page boundary, one function in which nothing repeats.
#include "code/jit.h"

int main(void) {
  enum { SIZE = 1 << 20 };
  u8* area = map_pages(SIZE / 4096 + 1, RWX);
  for (int round = 0; round < 3; round++) {
    // xor %eax, %eax, then ever other additions, at every alignment to the pages.
    u8* at = area + round;
    *at++ = 0x31, *at++ = 0xc0;
    unsigned want = 0, state = 7 + round;
    while (at < area + SIZE - 16) {
      state = state * 1103515245 + 12345;
      switch (state >> 28 & 3) {
        case 0:
          *at++ = 0xff, *at++ = 0xc0, want++;
          break;  // inc %eax
        case 1:
          *at++ = 0x05, memcpy(at, &state, 4), at += 4, want += state;
          break;  // add $imm, %eax
        case 2:
          *at++ = 0x83, *at++ = 0xc0, *at++ = 0x11, want += 0x11;
          break;  // add $17, %eax
        default:
          *at++ = 0x35, memcpy(at, &state, 4), at += 4, want ^= state;
          break;  // xor $imm, %eax
      }
    }
    *at = 0xc3;
    for (int i = 0; i < 3; i++) CHECK_EQ((unsigned)call_code(area + round, 0), want);
    printf("%08x\n", want);
  }
  // A forward jump in every second instruction: many blocks, no tick.
  u8* at = area;
  *at++ = 0x31, *at++ = 0xc0;
  for (int i = 0; i < 20000; i++) {
    static const u8 step[] = {0xff, 0xc0, 0x75, 0x02, 0x0f, 0x0b};  // inc %eax; jnz +2; ud2
    memcpy(at, step, 6);
    at += 6;
  }
  *at = 0xc3;
  for (int i = 0; i < 3; i++) CHECK_EQ(call_code(area, 0), 20000);
  return done();
}
