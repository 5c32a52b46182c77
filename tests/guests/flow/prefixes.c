// Instructions with prefixes that compilers and hand-written code use, or that mean nothing: rep ret, bnd
// and notrack jumps, branch hints, addr32 operands, segment overrides, redundant REX, long nops, endbr.
#include "common.h"

static u64 word = 0x1122334455667788;

// rax after the code, which starts with rax = 5 and rcx, rdx, rdi as given.
#define RUN(code, c, d, di)                                                                           \
  ({                                                                                                  \
    u64 a_ = 5, c_ = (u64)(c), d_ = (u64)(d), di_ = (u64)(di);                                        \
    __asm__ volatile(code : "+a"(a_), "+c"(c_), "+d"(d_), "+D"(di_) : : "rsi", "r8", "memory", "cc"); \
    a_;                                                                                               \
  })
#define VALUE(code) RUN(code, 0, 0, 0)

int main(void) {
  // Memory below 4 GiB, for 32-bit addresses.
  u64* low = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
  for (int i = 0; i < 512; i++) low[i] = i * 3;
  const u64 dirty = (u64)low | 0xabcd00000000;
  for (int round = 0; round < 20; round++) {
    CHECK_EQ(
        VALUE("lea -128(%%rsp), %%rsp\n call 1f\n jmp 2f\n 1: inc %%eax\n .byte 0xf3, 0xc3\n 2: lea 128(%%rsp), %%rsp"),
        6);
    CHECK_EQ(VALUE("lea -128(%%rsp), %%rsp\n .byte 0xf2\n call 1f\n .byte 0xf2\n jmp 2f\n 1: inc %%eax\n .byte 0xf2, "
                   "0xc3\n 2: lea 128(%%rsp), %%rsp"),
             6);
    CHECK_EQ(VALUE("lea 1f(%%rip), %%rcx\n .byte 0x3e\n jmp *%%rcx\n ud2\n 1: inc %%eax"), 6);
    CHECK_EQ(VALUE("cmp $5, %%eax\n .byte 0x2e\n je 1f\n mov $9, %%eax\n 1: .byte 0x3e\n jne 2f\n inc %%eax\n 2:"), 6);
    CHECK_EQ(RUN("mov 8(%%ecx), %%rax", dirty, 0, 0), 3);
    CHECK_EQ(RUN("mov (%%ecx, %%edx, 8), %%rax", dirty, 0x700000004, 0), 12);
    CHECK_EQ(RUN("lea (%%ecx, %%edx, 8), %%rax", dirty, 0x700000004, 0), (unsigned)(u64)low + 32);
    CHECK_EQ(RUN("lea 16(%%rcx), %%eax", dirty, 0, 0), (unsigned)(u64)low + 16);
    CHECK_EQ(RUN("lea 16(%%rcx), %%ax", 0x12345, 0, 0), 0x2355);
    CHECK_EQ(RUN("addl $7, 8(%%ecx)\n mov 8(%%ecx), %%rax\n subl $7, 8(%%ecx)", dirty, 0, 0), 10);
    CHECK_EQ(RUN("mov %%ds:(%%rcx), %%rax", &word, 0, 0), word);
    CHECK_EQ(RUN("mov %%es:(%%rcx), %%rax", &word, 0, 0), word);
    CHECK_EQ(RUN(".byte 0x2e, 0x48, 0x8b, 0x01", &word, 0, 0), word);  // cs:
    CHECK_EQ(RUN(".byte 0x36, 0x48, 0x8b, 0x01", &word, 0, 0), word);  // ss:
    CHECK_EQ(RUN(".byte 0x40, 0x48, 0x8b, 0x01", &word, 0, 0), word);  // a REX that the next one replaces
    CHECK_EQ(RUN(".byte 0x48, 0x40, 0x8b, 0x01", &word, 0, 0), (unsigned)word);
    CHECK_EQ(RUN(".byte 0x66, 0x66, 0x48, 0x8b, 0x01", &word, 0, 0), word);
    CHECK_EQ(VALUE(".byte 0x66, 0x90\n .byte 0x0f, 0x1f, 0x00\n .byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0\n"
                   ".byte 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0\n endbr64\n pause\n inc %%eax"),
             6);
    CHECK_EQ(VALUE("xchg %%ax, %%ax\n .byte 0x41, 0x90\n xchg %%r8, %%rax"), 5);
    CHECK_EQ(RUN("mov %%ecx, %%ecx\n mov %%rcx, %%rax", dirty, 0, 0), (unsigned)dirty);
    CHECK_EQ(VALUE("mov $-1, %%rcx\n mov $4, %%ecx\n 1: inc %%eax\n addr32 loop 1b"), 9);
    CHECK_EQ(VALUE("movabs $0x500000000, %%rcx\n addr32 jrcxz 1f\n inc %%eax\n 1: inc %%eax"), 6);
    // String instructions with 32-bit registers, and with another segment for the source.
    CHECK_EQ(RUN("mov %%ecx, %%edi\n movabs $0x700000000, %%rdx\n or %%rdx, %%rdi\n mov $3, %%ecx\n mov $77, %%eax\n "
                 "addr32 rep stosb\n"
                 "mov %%rdi, %%rax",
                 low + 100, 0, 0),
             (unsigned)(u64)(low + 100) + 3);
    CHECK_EQ(low[100], 77 | 77 << 8 | 77 << 16);
    low[100] = 300;
    u64 fs_word;
    __asm__("mov %%fs:16, %0" : "=r"(fs_word));
    CHECK_EQ(VALUE("mov $16, %%esi\n lods %%fs:(%%rsi), %%rax"), fs_word);
    CHECK_EQ(RUN("mov $16, %%esi\n movsq %%fs:(%%rsi), (%%rdi)", 0, 0, &low[200]), 5);
    CHECK_EQ(low[200], fs_word);
  }
  return done();
}
