// Long additions and subtractions whose carry lives across the backward jump of the loop, in the three
// ways to count without touching it: dec/jnz, lea/jrcxz, loop.
#include "common.h"

__asm__(
    ".text\n"
    // u64 f(u64* a, const u64* b, u64 words): a += b, returns the carry.
    "add_dec: xor %eax, %eax\n"
    "1: mov (%rsi), %rcx\n adc %rcx, (%rdi)\n lea 8(%rsi), %rsi\n lea 8(%rdi), %rdi\n dec %rdx\n jnz 1b\n"
    " setc %al\n ret\n"
    "add_jrcxz: mov %rdx, %rcx\n xor %eax, %eax\n"
    "1: jrcxz 2f\n mov (%rsi), %r8\n adc %r8, (%rdi)\n lea 8(%rsi), %rsi\n lea 8(%rdi), %rdi\n lea -1(%rcx), %rcx\n"
    " jmp 1b\n2: setc %al\n ret\n"
    "add_loop: mov %rdx, %rcx\n xor %eax, %eax\n"
    "1: mov (%rsi), %r8\n adc %r8, (%rdi)\n lea 8(%rsi), %rsi\n lea 8(%rdi), %rdi\n loop 1b\n setc %al\n ret\n"
    "sub_call: mov %rdx, %rcx\n xor %eax, %eax\n"
    "1: call 3f\n loop 1b\n setc %al\n ret\n"
    "3: mov (%rsi), %r8\n sbb %r8, (%rdi)\n lea 8(%rsi), %rsi\n lea 8(%rdi), %rdi\n ret\n"
    // unsigned f(u64 bits): one bit per round through CF and OF, by pushf/popf in the loop.
    "spread: mov $64, %ecx\n xor %eax, %eax\n pushfq\n"
    "1: popfq\n rcl $1, %rdi\n pushfq\n setc %dl\n movzx %dl, %edx\n lea (%rdx, %rax, 2), %rax\n dec %ecx\n jnz 1b\n"
    " popfq\n ret\n");
u64 add_dec(u64*, const u64*, u64), add_jrcxz(u64*, const u64*, u64), add_loop(u64*, const u64*, u64);
u64 sub_call(u64*, const u64*, u64), spread(u64);

enum { WORDS = 300 };
typedef u64 Add(u64*, const u64*, u64);

int main(void) {
  static Add* const adds[] = {add_dec, add_jrcxz, add_loop};
  for (int which = 0; which < 3; which++) {
    u64 a[WORDS], b[WORDS], original[WORDS];
    u64 state = 88172645463325252ULL;
    for (int i = 0; i < WORDS; i++) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      a[i] = original[i] = i % 5 ? ~0ULL : state;
      b[i] = i % 7 ? 0 : state * 3;
    }
    b[0] = 1;
    for (int round = 0; round < 50; round++) {
      const u64 carry = adds[which](a, b, WORDS);
      const u64 borrow = sub_call(a, b, WORDS);
      CHECK_EQ(carry, borrow);
    }
    CHECK(memcmp(a, original, sizeof a) == 0);
    const u64 carry = adds[which](a, b, WORDS);
    u64 hash = carry;
    for (int i = 0; i < WORDS; i++) hash = hash * 31 + a[i];
    printf("%016llx\n", hash);
    // All ones plus one: the carry runs through every word.
    memset(a, 0xff, sizeof a);
    memset(b, 0, sizeof b);
    b[0] = 1;
    CHECK_EQ(adds[which](a, b, WORDS), 1);
    for (int i = 0; i < WORDS; i++) CHECK_EQ(a[i], 0);
  }
  CHECK_EQ(spread(0x123456789abcdef0), 0x123456789abcdef0);
  return done();
}
