// Code on a writable and executable page is written, run, and written again: whole functions, single
// bytes, immediates, from near and far, by every kind of store.
#include "code/jit.h"

int main(void) {
  u8* page = map_pages(2, RWX);
  for (int i = 0; i < 2000; i++) {
    put_constant(page, i);
    CHECK_EQ(call_code(page, 0), i);
  }
  // Two functions on one page, one of which changes.
  put_constant(page + 512, 7);
  for (int i = 0; i < 200; i++) {
    put_add(page, i);
    CHECK_EQ(call_code(page, 1000), 1000 + i);
    CHECK_EQ(call_code(page + 512, 0), 7);
  }
  // Stores of every width into the immediate.
  put_constant(page, 0);
  for (int i = 0; i < 50; i++) {
    page[1] = (u8)i;
    CHECK_EQ(call_code(page, 0), i);
    *(volatile unsigned short*)(page + 2) = (unsigned short)i;
    CHECK_EQ(call_code(page, 0), i | i << 8);
    *(volatile int*)(page + 1) = i * 3;
    CHECK_EQ(call_code(page, 0), i * 3);
    __sync_fetch_and_add((int*)(page + 1), 5);
    CHECK_EQ(call_code(page, 0), i * 3 + 5);
    u8 code[16] __attribute__((aligned(16))) = {0};
    put_constant(code, ~i);
    __asm__ volatile("movdqu %0, %%xmm0\n movdqu %%xmm0, (%1)" : : "m"(code), "r"(page) : "xmm0", "memory");
    CHECK_EQ(call_code(page, 0), ~i);
    put_constant(code, i + 9);
    memcpy(page, code, 6);
    CHECK_EQ(call_code(page, 0), i + 9);
    const u8* from = code;
    u8* to = page + 4096 - 3;  // across the page boundary
    size_t n = 6;
    __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    CHECK_EQ(call_code(page + 4096 - 3, 0), i + 9);
    to = page + 4096 - 2;
    *(volatile int*)to = 1000 + i;
    CHECK_EQ(call_code(page + 4096 - 3, 0), 1000 + i);
  }
  // Data next to code, written without end.
  volatile int* data = (volatile int*)(page + 2048);
  put_constant(page, 5);
  int sum = 0;
  for (int i = 0; i < 3000; i++) {
    *data = i;
    sum += call_code(page, 0) + *data;
  }
  printf("%d\n", sum);
  return done();
}
