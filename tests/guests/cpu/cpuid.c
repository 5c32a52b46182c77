// cpuid: the same answers every time, sensible ones, consistent with xgetbv and with what the
// instructions do.
#include <cpuid.h>
#include <immintrin.h>
#include "common.h"

typedef struct {
  unsigned a, b, c, d;
} Leaf;

static Leaf ask(unsigned leaf, unsigned sub) {
  Leaf l;
  __cpuid_count(leaf, sub, l.a, l.b, l.c, l.d);
  return l;
}

__attribute__((target("avx2"))) static int add_avx2(void) {
  const __m256i v = _mm256_add_epi32(_mm256_set1_epi32(20), _mm256_set1_epi32(3));
  return _mm256_extract_epi32(v, 7);
}
__attribute__((target("bmi2"))) static u64 extract_bmi2(u64 x) { return _pext_u64(x, 0xff00ff00ff00ff00); }
__attribute__((target("xsave"))) static u64 extended_control(void) { return _xgetbv(0); }

int main(void) {
  const Leaf zero = ask(0, 0);
  char vendor[13] = "";
  memcpy(vendor, &zero.b, 4), memcpy(vendor + 4, &zero.d, 4), memcpy(vendor + 8, &zero.c, 4);
  CHECK_EQ(strlen(vendor), 12);
  CHECK(zero.a >= 7 && zero.a < 0x100);
  // The initial APIC id in leaf 1 and the x2APIC id name the processor that it runs on: they vary.
  static Leaf first[0x40];
  for (int round = 0; round < 100; round++)
    for (unsigned leaf = 0; leaf <= zero.a && leaf < 0x40; leaf++) {
      const Leaf now = ask(leaf, 0);
      if (round == 0) first[leaf] = now;
      if (leaf == 1 || leaf == 0xb || leaf == 0x1f || leaf == 4) continue;
      CHECK(memcmp(&now, &first[leaf], sizeof now) == 0);
    }
  const Leaf one = ask(1, 0), seven = ask(7, 0), extended = ask(0x80000000, 0);
  CHECK(one.d >> 26 & 1);  // SSE2
  CHECK(one.d >> 0 & 1);   // x87
  CHECK(extended.a >= 0x80000008);
  CHECK(ask(0x80000001, 0).d >> 29 & 1);  // 64-bit mode
  char brand[49] = "";
  for (unsigned i = 0; i < 3; i++) {
    const Leaf l = ask(0x80000002 + i, 0);
    memcpy(brand + 16 * i, &l, 16);
  }
  CHECK(strlen(brand) > 0);
  if (one.c >> 27 & 1) {  // OSXSAVE
    const u64 xcr0 = extended_control();
    CHECK_EQ(xcr0 & 3, 3);
    if (one.c >> 28 & 1) CHECK_EQ(xcr0 & 4, 4);
    if (seven.b >> 16 & 1) CHECK_EQ(xcr0 & 0xe0, 0xe0);
    const Leaf area = ask(13, 0);
    CHECK_EQ(area.a & xcr0, xcr0);
    CHECK(area.b >= 576 && area.b <= area.c);
  }
  if (seven.b >> 5 & 1) CHECK_EQ(add_avx2(), 23);
  if (seven.b >> 8 & 1) CHECK_EQ(extract_bmi2(0x1122334455667788), 0x11335577);
  CHECK_EQ(__builtin_cpu_supports("sse2") != 0, 1);
  return done();
}
