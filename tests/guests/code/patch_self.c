// A piece of code changes itself: the immediate of an instruction of its own loop, an instruction just
// ahead in the same block, the one behind a call to the patcher, and a branch that is turned round.
#include "code/jit.h"

// The patched code is copied to a writable page; the labels say where its fields are.
__asm__(
    ".text\n"
    "loop_code: xor %eax, %eax\n xor %edx, %edx\n"
    "1: add $1, %eax\n"  // the immediate changes with each round
    "loop_field = . - 1\n"
    " incb loop_field(%rip)\n inc %edx\n cmp $100, %edx\n jb 1b\n ret\n"
    "loop_end:\n"
    "ahead_code: movl %edi, ahead_field(%rip)\n"  // the very next instruction
    " mov $0x11223344, %eax\n"
    "ahead_field = . - 4\n"
    " add $1, %eax\n ret\n"
    "ahead_end:\n"
    "over_code: mov $1, %eax\n cmp $0, %edi\n je 1f\n movb $0xeb, over_field(%rip)\n"
    " nop\n nop\n"
    "over_field: nop\n nop\n"  // becomes a jump over the next instruction
    " mov $2, %eax\n"
    "1: ret\n"
    "over_end:\n"
    "call_code_start: sub $8, %rsp\n lea call_field(%rip), %rax\n call *%rsi\n mov $0, %eax\n"
    "call_field = . - 4\n"
    " add $8, %rsp\n ret\n"
    "call_end:\n"
    "store_field: mov %edi, (%rax)\n ret\n");
extern const u8 loop_code[], loop_end[], ahead_code[], ahead_end[], over_code[], over_end[], over_field[];
extern const u8 call_code_start[], call_end[], store_field[];

static void* copy(u8* to, const u8* from, const u8* end) { return memcpy(to, from, end - from); }

int main(void) {
  u8* page = map_pages(1, RWX);
  for (int round = 0; round < 30; round++) {
    int (*sum)(void) = (int (*)(void))copy(page, loop_code, loop_end);
    int want = 0;
    for (int i = 0; i < 100; i++) want += (signed char)(1 + i);
    CHECK_EQ(sum(), want);
    Function ahead = (Function)copy(page + 256, ahead_code, ahead_end);
    for (int i = 0; i < 20; i++) CHECK_EQ(ahead(i * round), i * round + 1);
    Function over = (Function)copy(page + 512, over_code, over_end);
    const long field = over_field - over_code;
    page[512 + field + 1] = 5;  // the offset of the jump: mov $2, %eax is five bytes long
    page[512 + field] = 0x90;
    CHECK_EQ(over(0), 1);
    page[512 + field + 1] = 5;
    const int result = over(1);
    CHECK_EQ(result, 1);
    int (*through)(int, const void*) = (int (*)(int, const void*))copy(page + 768, call_code_start, call_end);
    for (int i = 0; i < 20; i++) CHECK_EQ(through(i + round, store_field), i + round);
  }
  return done();
}
