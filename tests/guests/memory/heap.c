// brk up and down, and malloc in all sizes with it; what comes back from the kernel is zero.
#include <malloc.h>
#include "common.h"

int main(void) {
  u8* start = sbrk(0);
  CHECK(brk(start + 1000000) == 0);
  CHECK(sbrk(0) == start + 1000000);
  for (int i = 0; i < 1000000; i += 4096) CHECK_EQ(start[i + 10000 < 1000000 ? i + 10000 : i], 0);
  memset(start + 4096, 7, 900000);
  CHECK(brk(start + 8192) == 0);
  CHECK(brk(start + 500000) == 0);
  u8* page = (u8*)(((uintptr_t)start + 8192 + 4095) & ~4095UL);
  for (int i = 0; i < 100000; i++)
    if (page[i]) CHECK_EQ(page[i], 0);
  CHECK(brk(start) == 0);
  CHECK((u8*)syscall(SYS_brk, 0) == start);
  CHECK((u8*)syscall(SYS_brk, 16) == start);
  CHECK_ERR(brk(start + (1UL << 46)), ENOMEM);
  CHECK(sbrk(0) == start);

  enum { N = 2000 };
  static u8* blocks[N];
  static unsigned sizes[N];
  unsigned state = 7;
  for (int round = 0; round < 20; round++)
    for (int i = 0; i < N; i++) {
      state = state * 1664525 + 1013904223;
      if (blocks[i]) {
        for (unsigned k = 0; k < sizes[i]; k += 97) CHECK_EQ(blocks[i][k], (u8)i);
        if (state >> 31) {
          free(blocks[i]), blocks[i] = NULL;
          continue;
        }
      }
      const unsigned size = (state >> 8) % (i % 100 == 0 ? 300000 : 2000) + 1;
      blocks[i] = realloc(blocks[i], size);
      memset(blocks[i], (u8)i, sizes[i] = size);
    }
  malloc_trim(0);
  u8* big = calloc(1, 64 << 20);
  CHECK(big != NULL && big[40 << 20] == 0);
  big = realloc(big, 128 << 20);
  CHECK(big != NULL && big[100 << 20] == 0);
  free(big);
  CHECK(malloc(1UL << 50) == NULL);
  void* aligned;
  CHECK_EQ(posix_memalign(&aligned, 65536, 100), 0);
  CHECK_EQ((uintptr_t)aligned % 65536, 0);
  return done();
}
