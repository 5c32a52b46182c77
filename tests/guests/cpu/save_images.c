// Images of the processor's state in memory: fxsave, xsave, xsavec, xsaveopt, fnsave, fnstenv restore
// what they saved, and their fields hold what the registers held.
// build: -mxsave -mxsavec -mxsaveopt -mfxsr
// skip-if-no: xsave xsavec xsaveopt avx
#include <immintrin.h>
#include "common.h"

static u8 area[8192] __attribute__((aligned(64)));

#define SET_STATE                                                                                 \
  __asm__ volatile("fninit\n fld1\n fldpi\n ldmxcsr %0\n vmovdqu %1, %%ymm2\n vmovdqu %1, %%ymm9" \
                   :                                                                              \
                   : "m"(control), "m"(*pattern)                                                  \
                   : "xmm2", "xmm9")
#define CLEAR_STATE                                                                                    \
  __asm__ volatile("fninit\n ldmxcsr %0\n vpxor %%xmm2, %%xmm2, %%xmm2\n vpxor %%xmm9, %%xmm9, %%xmm9" \
                   :                                                                                   \
                   : "m"(normal)                                                                       \
                   : "xmm2", "xmm9")

static unsigned control = 0x5f80, normal = 0x1f80;
static u64 pattern[1][4] = {{1, 22, 333, 4444}};

static void check_state(const char* what, int upper) {
  u64 two[4], nine[4];
  unsigned mxcsr;
  long double pi, unit;
  __asm__ volatile("vmovdqu %%ymm2, %0\n vmovdqu %%ymm9, %1\n stmxcsr %2\n fstpt %3\n fstpt %4\n ldmxcsr %5"
                   : "=m"(two), "=m"(nine), "=m"(mxcsr), "=m"(pi), "=m"(unit)
                   : "m"(normal));
  const int size = upper ? 32 : 16;
  if (memcmp(two, pattern, size) || memcmp(nine, pattern, size) || (mxcsr & 0xffc0) != control || unit != 1.0L ||
      !(pi > 3.14159265L && pi < 3.14159266L))
    failures++, printf("FAIL %s: mxcsr %#x %llu %llu %Lf %Lf\n", what, mxcsr, two[0], nine[3], pi, unit);
}

int main(void) {
  for (int round = 0; round < 5; round++) {
    memset(area, 0, sizeof area);
    SET_STATE;
    _fxsave64(area);
    CLEAR_STATE;
    CHECK_EQ(*(unsigned short*)area, 0x37f);
    CHECK_EQ(*(unsigned short*)(area + 2) >> 11 & 7, 6);  // two registers pushed
    CHECK_EQ(area[4], 0xc0);
    CHECK_EQ(*(unsigned*)(area + 24) & 0xffc0, control);
    CHECK_EQ(*(u64*)(area + 160 + 2 * 16), 1);
    CHECK_EQ(*(u64*)(area + 160 + 9 * 16 + 8), 22);
    _fxrstor64(area);
    check_state("fxsave", 0);

    memset(area, 0, sizeof area);
    SET_STATE;
    _xsave64(area, 7);
    CLEAR_STATE;
    CHECK_EQ(*(u64*)(area + 512) & 7, 7);
    CHECK_EQ(*(u64*)(area + 520), 0);
    CHECK_EQ(*(u64*)(area + 160 + 2 * 16), 1);
    CHECK_EQ(*(u64*)(area + 576 + 2 * 16), 333);
    _xrstor64(area, 7);
    check_state("xsave", 1);

    memset(area, 0, sizeof area);
    SET_STATE;
    _xsavec64(area, 7);
    CLEAR_STATE;
    CHECK_EQ(*(u64*)(area + 520) >> 63, 1);
    CHECK_EQ(*(u64*)(area + 576 + 9 * 16 + 8), 4444);
    _xrstor64(area, 7);
    check_state("xsavec", 1);

    memset(area, 0, sizeof area);
    SET_STATE;
    _xsaveopt64(area, 7);
    CLEAR_STATE;
    _xrstor64(area, 7);
    check_state("xsaveopt", 1);

    // Only some components: the others stay as they are.
    memset(area, 0, sizeof area);
    SET_STATE;
    _xsave64(area, 2);
    CHECK_EQ(*(u64*)(area + 512), 2);
    CHECK_EQ(*(unsigned short*)area, 0);
    u64 other[4] = {5, 6, 7, 8}, upper[4];
    __asm__ volatile("vmovdqu %0, %%ymm2" : : "m"(other) : "xmm2");
    _xrstor64(area, 2);
    __asm__ volatile("vmovdqu %%ymm2, %0" : "=m"(upper));
    CHECK(upper[0] == 1 && upper[1] == 22 && upper[2] == 7 && upper[3] == 8);
    // A component whose bit in the header is clear is restored to its initial state.
    *(u64*)(area + 512) = 0;
    _xrstor64(area, 4);
    __asm__ volatile("vmovdqu %%ymm2, %0" : "=m"(upper));
    CHECK(upper[0] == 1 && upper[2] == 0 && upper[3] == 0);
    __asm__ volatile("vzeroupper");

    SET_STATE;
    u8 environment[28], all[108];
    unsigned short word;
    __asm__ volatile("fnstenv %0\n fnstcw %1" : "=m"(environment), "=m"(word));
    CHECK_EQ(*(unsigned short*)environment, 0x37f);
    CHECK_EQ(word, 0x37f | 0x3f);  // fnstenv masks all exceptions
    CHECK_EQ(*(unsigned short*)(environment + 8), 0x0fff);
    __asm__ volatile("fldenv %0" : : "m"(environment));
    __asm__ volatile("fnsave %0" : "=m"(all));
    __asm__ volatile("fnstsw %0" : "=m"(word));
    CHECK_EQ(word, 0);  // fnsave leaves an initialised unit
    __asm__ volatile("frstor %0" : : "m"(all));
    check_state("fnsave", 1);
    CLEAR_STATE;
  }
  __asm__ volatile("vzeroupper");
  return done();
}
