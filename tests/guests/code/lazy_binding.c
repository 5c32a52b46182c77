// Lazy binding through the PLT with arguments in every register: the resolver must keep them all, vector
// registers with their upper halves included.
// build: -mavx -O1 -Wl,-z,lazy -lm
// skip-if-no: avx
#include <ctype.h>
#include <immintrin.h>
#include <math.h>
#include "common.h"

int main(void) {
  // Each function below is called for the first time here.
  printf("%.3f %.3f %.3f\n", pow(2.5, 3.5), fma(2, 3, 4), hypot(3, 4));
  printf("%d %d %s %g %Lg %c %lld %p\n", 1, 2, "three", 4.0, 5.0L, '6', 7LL, (void*)8);
  CHECK_EQ(isalpha('x') != 0, 1);
  __m256d v = _mm256_set_pd(4, 3, 2, 1);
  __asm__ volatile("" : "+x"(v));
  // A hand-made call for a function not yet bound, with ymm0 alive over the resolver.
  double lanes[4];
  __asm__ volatile(
      "mov %%rsp, %%r12\n lea -256(%%rsp), %%rsp\n and $-64, %%rsp\n vmovupd (%0), %%ymm0\n mov $-5, %%edi\n"
      "call labs@PLT\n vmovupd %%ymm0, (%1)\n vzeroupper\n mov %%r12, %%rsp"
      :
      : "b"(&v), "r"(lanes), "m"(v)
      : "rax", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "memory", "cc", "xmm0");
  for (int i = 0; i < 4; i++) CHECK(lanes[i] == i + 1);
  return done();
}
