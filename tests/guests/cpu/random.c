// rdrand and rdseed give numbers that differ, set CF, clear the other flags; in every operand size.
// build: -mrdrnd -mrdseed
// skip-if-no: rdrand rdseed
#include <immintrin.h>
#include "common.h"

int main(void) {
  unsigned long long last = 0;
  int same = 0, given = 0;
  for (int i = 0; i < 200; i++) {
    unsigned long long v;
    given += _rdrand64_step(&v);
    same += v == last;
    last = v;
  }
  CHECK(given > 190);
  CHECK(same < 3);
  unsigned wide;
  unsigned short narrow;
  int ones = 0;
  for (int i = 0; i < 100; i++) {
    if (_rdrand32_step(&wide)) ones += __builtin_popcount(wide);
    if (_rdrand16_step(&narrow)) ones += __builtin_popcount(narrow);
  }
  CHECK(ones > 2000 && ones < 2800);
  u64 flags, value = ~0ULL;
  __asm__ volatile("1: rdrand %k0\n jnc 1b\n pushfq\n pop %1" : "+r"(value), "=r"(flags) : : "cc", "memory");
  CHECK_EQ(flags & 0x8d5, 1);
  CHECK_EQ(value >> 32, 0);
  unsigned long long seed;
  int seeded = 0;
  for (int i = 0; i < 1000 && !seeded; i++) seeded = _rdseed64_step(&seed);
  CHECK(seeded);
  return done();
}
