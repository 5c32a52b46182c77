// MXCSR rounding and flush modes, sticky flags, x87 precision and rounding control, across calls into
// libc and system calls; results printed to the last bit.
// build: -O0 -lm
#include <fenv.h>
#include <math.h>
#include "common.h"

static void show(const char* what, double d) {
  u64 bits;
  memcpy(&bits, &d, 8);
  printf("%s %016llx\n", what, bits);
}

static volatile double one = 1, three = 3, tiny = 1e-310, huge = 1e308, negative = -2.5;
static volatile long double lone = 1, lthree = 3;

int main(void) {
  static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    fesetround(modes[i]);
    getppid();
    CHECK_EQ(fegetround(), modes[i]);
    show("1/3", one / three);
    show("-1/3", -one / three);
    show("rint", rint(negative));
    printf("lrint %ld\n", lrint(negative));
    const long double l = lone / lthree;
    u8 bytes[16] = {0};
    memcpy(bytes, &l, 10);
    for (int b = 9; b >= 0; b--) printf("%02x", bytes[b]);
    puts("");
    printf("%.20g\n", one / three);
  }
  fesetround(FE_TONEAREST);
  unsigned control = 0x9fc0;  // flush to zero, denormals are zero
  __asm__ volatile("ldmxcsr %0" : : "m"(control));
  getppid();
  show("tiny", tiny * 1);
  show("product", 1e-200 * (one / 1e150));
  control = 0x1f80;
  __asm__ volatile("ldmxcsr %0" : : "m"(control));
  show("tiny", tiny * 1);
  feclearexcept(FE_ALL_EXCEPT);
  getppid();
  CHECK_EQ(fetestexcept(FE_ALL_EXCEPT), 0);
  volatile double r = huge * huge;
  getppid();
  CHECK_EQ(fetestexcept(FE_OVERFLOW | FE_DIVBYZERO | FE_INVALID), FE_OVERFLOW);
  r = one / (one - 1);
  r = sqrt(negative);
  (void)r;
  CHECK_EQ(fetestexcept(FE_OVERFLOW | FE_DIVBYZERO | FE_INVALID), FE_OVERFLOW | FE_DIVBYZERO | FE_INVALID);
  for (unsigned pc = 0; pc < 4; pc++) {
    if (pc == 1) continue;
    unsigned short word = 0x007f | pc << 8, back;
    long double q;
    __asm__ volatile("fldcw %1\n" : : "m"(word), "m"(word));
    getppid();
    __asm__ volatile("fldt %2\n fldt %3\n fdivrp\n fstpt %0\n fnstcw %1\n fninit"
                     : "=m"(q), "=m"(back)
                     : "m"(lone), "m"(lthree));
    CHECK_EQ(back & 0xf7f, word & 0xf7f);
    show("precision", (double)q);
  }
  return done();
}
