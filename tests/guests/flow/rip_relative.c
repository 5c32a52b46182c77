// rip-relative operands of every size, with and without an immediate behind them, as source and as
// destination, in integer, SSE and x87 instructions.
#include "common.h"

u64 wide[4] = {0x1122334455667788, 0x99aabbccddeeff00, 3, 4};
unsigned int word32 = 0x80000001;
unsigned short word16 = 0xfffe;
u8 byte8 = 0x7f;
float single = 1.5f;
double twice = 2.25;
long double extended = 3.125L;
u64 vector[4] __attribute__((aligned(32))) = {1, 2, 3, 4};
char far_gap[3 << 20];
u64 beyond = 0xabcdef;

#define READ(instruction, out, ...)                                                    \
  ({                                                                                   \
    u64 value_ = 0x0101010101010101;                                                   \
    __asm__ volatile(instruction : "+" out(value_) : : "memory", "cc", ##__VA_ARGS__); \
    value_;                                                                            \
  })

int main(void) {
  for (int round = 0; round < 3; round++) {
    printf("%llx\n", READ("mov wide(%%rip), %0", "r"));
    printf("%llx\n", READ("mov word32(%%rip), %k0", "r"));
    printf("%llx\n", READ("mov word16(%%rip), %w0", "r"));
    printf("%llx\n", READ("mov byte8(%%rip), %b0", "q"));
    printf("%llx\n", READ("movsbl byte8(%%rip), %k0", "r"));
    printf("%llx\n", READ("movswq word16(%%rip), %0", "r"));
    printf("%llx\n", READ("movslq word32(%%rip), %0", "r"));
    printf("%llx\n", READ("imul $1000, wide(%%rip), %0", "r"));
    printf("%llx\n", READ("imul $100, word32(%%rip), %k0", "r"));
    printf("%llx\n", READ("add wide+8(%%rip), %0", "r"));
    printf("%llx\n", READ("mov beyond(%%rip), %0", "r"));
    printf("%llx\n", READ("lea beyond(%%rip), %0\n mov (%0), %0", "r"));
    printf("%llx\n", READ("cmpb $0x7f, byte8(%%rip)\n sete %b0", "q"));
    printf("%llx\n", READ("cmpw $-2, word16(%%rip)\n sete %b0", "q"));
    printf("%llx\n", READ("cmpl $0x80000001, word32(%%rip)\n sete %b0", "q"));
    printf("%llx\n", READ("testb $1, wide(%%rip)\n setz %b0", "q"));
    printf("%llx\n", READ("btl $31, word32(%%rip)\n setc %b0", "q"));
    printf("%llx\n", READ("rorx $8, wide(%%rip), %0", "r"));
    printf(
        "%llx\n",
        READ("shrl $3, word32(%%rip)\n mov word32(%%rip), %k0\n shll $3, word32(%%rip)\n orl $1, word32(%%rip)", "r"));
    __asm__ volatile(
        "movb $0x12, byte8(%%rip)\n movw $0x3456, word16(%%rip)\n movl $0x789abcde, word32(%%rip)\n"
        "movq $-5, wide+16(%%rip)\n addq $0x12345678, wide+24(%%rip)\n incq vector(%%rip)\n"
        "lock xaddl %%eax, word32(%%rip)\n xchg %%rax, beyond(%%rip)\n xchg %%rax, beyond(%%rip)\n"
        "setc vector+8(%%rip)"
        :
        : "a"(1)
        : "memory", "cc");
    printf("%x %x %x %llx %llx %llx %llx\n", byte8, word16, word32, wide[2], wide[3], vector[0], beyond);
    double sum;
    __asm__ volatile(
        "movsd twice(%%rip), %0\n cvtss2sd single(%%rip), %%xmm7\n addsd %%xmm7, %0\n mulsd twice(%%rip), %0"
        : "=x"(sum)
        :
        : "xmm7");
    u64 shuffled[2];
    __asm__ volatile(
        "pshufd $0x1b, vector(%%rip), %%xmm5\n vpalignr $3, vector+16(%%rip), %%xmm5, %%xmm6\n movdqu %%xmm6, (%0)"
        :
        : "r"(shuffled)
        : "xmm5", "xmm6", "memory");
    long double x;
    __asm__ volatile("fldt extended(%%rip)\n fadds single(%%rip)\n fmull twice(%%rip)\n fildll wide+8(%%rip)\n faddp"
                     : "=t"(x));
    printf("%.6f %llx %llx %.6Lf\n", sum, shuffled[0], shuffled[1], x);
    u64 compared = 0x789abcdf;
    __asm__ volatile("lock cmpxchgl %k1, word32(%%rip)" : "+a"(compared) : "r"(0x80000001) : "memory", "cc");
    printf("%llx %x\n", compared, word32);
    byte8 = 0x7f, word16 = 0xfffe, word32 = 0x80000001;
  }
  return done();
}
