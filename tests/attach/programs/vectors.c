// build: -O1
// Vector registers whole, mask registers, the x87 stack and both control words, kept over a long loop.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { rounds = 600, turns = 4000000 };

static unsigned char pattern[64], got[64];

static void spin(void) {
  long n = turns;
  __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n)::"cc");
}

/// What is kept while nothing is called but the loop: all of it lies in one asm statement.
#define KEEP(load, store)                                                                                         \
  do {                                                                                                            \
    long n = turns;                                                                                               \
    __asm__ volatile(load "\n1: dec %0\n\tjnz 1b\n\t" store : "+r"(n) : "r"(pattern), "r"(got) : "cc", "memory"); \
  } while (0)

__attribute__((noinline)) static size_t keep(void) {
  if (__builtin_cpu_supports("avx512bw")) {
    KEEP("vmovdqu64 (%1), %%zmm31\n\tkmovq (%1), %%k5",
         "vmovdqu64 %%zmm31, (%2)\n\tkmovq %%k5, %%rax\n\tcmp (%1), %%rax\n\tje 2f\n\tud2\n2: vzeroupper");
    return 64;
  }
  if (__builtin_cpu_supports("avx")) {
    KEEP("vmovdqu (%1), %%ymm13", "vmovdqu %%ymm13, (%2)\n\tvzeroupper");
    return 32;
  }
  KEEP("movdqu (%1), %%xmm13", "movdqu %%xmm13, (%2)");
  return 16;
}

int main(void) {
  const uint32_t mxcsr = 0x1f80 | 0x6000;  // towards zero
  const uint16_t control = 0x0f7f;         // the same
  unsigned long sum = 0;
  __asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(mxcsr), "m"(control));
  for (int round = 0; round < rounds; round++) {
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (unsigned char)(round * 7 + i * 13 + 1);
    const size_t size = keep();
    if (memcmp(pattern, got, size) != 0) return printf("round %d: a vector register has changed\n", round), 1;
    long double third = 1, three = 3;
    __asm__ volatile("fdivp" : "+t"(third) : "u"(three) : "st(1)");
    spin();
    sum = sum * 31 + (unsigned long)(third * 1e18L) + got[round % size];
  }
  uint32_t mxcsr_now;
  uint16_t control_now;
  __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr_now), "=m"(control_now));
  if ((mxcsr_now & 0x6000) != 0x6000 || control_now != control) return puts("a control word has changed"), 1;
  printf("%lu\n", sum);
  return 9;
}
