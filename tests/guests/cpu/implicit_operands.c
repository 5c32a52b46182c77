// Instructions whose operands are not written: xlat, maskmovdqu, cmpxchg16b, movdiri, crc32, cbw and the
// like, mul and div of all sizes, bit tests far outside their operand, shifts by cl.
// build: -msse4.2 -mcx16 -mmovbe
// skip-if-no: cx16 sse4_2 movbe
#include "common.h"

int main(void) {
  u8 table[256];
  for (int i = 0; i < 256; i++) table[i] = (u8)(i * 5 + 1);
  for (int round = 0; round < 20; round++) {
    u64 a = 0x1100 + round, d;
    __asm__("xlatb" : "+a"(a) : "b"(table), "m"(table));
    CHECK_EQ(a, 0x1100 | table[round]);

    u8 target[16] = {0};
    const u8 data[16] = "fifteen letters", mask[16] = {0x80, 0, 0x80, 0, 0, 0x80};
    __asm__ volatile("movdqu %0, %%xmm1\n movdqu %1, %%xmm2\n maskmovdqu %%xmm2, %%xmm1"
                     :
                     : "m"(data), "m"(mask), "D"(target)
                     : "xmm1", "xmm2", "memory");
    CHECK(target[0] == 'f' && target[1] == 0 && target[2] == 'f' && target[5] == 'e' && target[6] == 0);

    static u64 pair[2] __attribute__((aligned(16)));
    pair[0] = 7, pair[1] = 8;
    u8 equal;
    u64 low = 7, high = 8;
    __asm__ volatile("lock cmpxchg16b %3\n sete %0"
                     : "=q"(equal), "+a"(low), "+d"(high), "+m"(pair)
                     : "b"(70), "c"(80)
                     : "cc");
    CHECK(equal && pair[0] == 70 && pair[1] == 80);
    __asm__ volatile("lock cmpxchg16b pair_alias(%%rip)\n sete %0"
                     : "=q"(equal), "+a"(low), "+d"(high)
                     : "b"(1), "c"(2)
                     : "cc", "memory");
    CHECK(!equal);
    __asm__ volatile(
        ".pushsection .bss\n .balign 16\n .ifndef pair_alias\n pair_alias: .zero 16\n .endif\n .popsection");

    unsigned crc = 0xffffffff;
    for (int i = 0; i < 9; i++) __asm__("crc32b %1, %0" : "+r"(crc) : "m"(data[i]));
    printf("%08x\n", crc);
    __asm__("movbe %1, %0" : "=r"(a) : "m"(*(const u64*)data));
    CHECK_EQ(a, __builtin_bswap64(*(const u64*)data));
    a = 0x80;
    __asm__("cbtw\n cwtl\n cltq\n cqto" : "+a"(a), "=d"(d));
    CHECK_EQ(a, 0xffffffffffffff80);
    CHECK_EQ(d, ~0ULL);
    a = 0x123456789abcdef0;
    __asm__("mul %2" : "+a"(a), "=d"(d) : "r"(a));
    printf("%llx %llx\n", a, d);
    a = 200, d = 0;
    __asm__("mov $7, %%cl\n div %%cl" : "+a"(a) : : "rcx", "cc");
    CHECK_EQ(a, 28 | 4 << 8);
    a = 1000000, d = 5;
    __asm__("divq %2" : "+a"(a), "+d"(d) : "r"(0x1000000000000ULL) : "cc");
    printf("%llx %llx\n", a, d);
    // A bit test with a register reaches beyond its memory operand.
    u64 bits[16] = {0};
    bits[10] = 1ULL << 33;
    u8 carry;
    __asm__("btq %2, %1\n setc %0" : "=q"(carry) : "m"(bits[5]), "r"(5 * 64 + 33LL), "m"(bits) : "cc");
    CHECK_EQ(carry, 1);
    __asm__ volatile("btsq %1, %0" : "+m"(bits[5]) : "r"(-200LL) : "cc", "memory");
    CHECK_EQ(bits[1], 1ULL << 56);
    a = 0x8000000000000001;
    __asm__("mov $65, %%cl\n rol %%cl, %0" : "+r"(a) : : "rcx", "cc");
    CHECK_EQ(a, 3);

    u64 flags;
    __asm__("pushfq\n pop %0" : "=r"(flags));
    CHECK_EQ(flags & 0x700, 0x200);  // interrupts on, no trap, DF clear
  }
  return done();
}
