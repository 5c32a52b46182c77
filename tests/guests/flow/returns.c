// Returns that no return predictor expects: to another place than the call came from, from another
// stack, skipped frames, more than were called, call used only to learn the pc.
#include "common.h"

__asm__(
    ".text\n"
    // u64 f(u64 n): call/pop to learn the pc, n times.
    "learn_pc: mov %rdi, %rcx\n xor %eax, %eax\n"
    "1: call 2f\n"
    "2: pop %rdx\n lea 2b(%rip), %rsi\n cmp %rsi, %rdx\n jne 3f\n inc %eax\n dec %rcx\n jnz 1b\n 3: ret\n"
    // The callee drops its return address and returns to its caller's caller.
    "skip_frame: call 1f\n mov $1, %eax\n ret\n"
    "1: call 2f\n mov $2, %eax\n ret\n"
    "2: add $16, %rsp\n mov $3, %eax\n ret\n"
    // The callee returns to one of two places.
    "two_exits: call 1f\n mov $10, %eax\n ret\n mov $20, %eax\n ret\n"
    "1: test %edi, %edi\n jz 2f\n addq $6, (%rsp)\n 2: ret\n"
    // A chain of returns prepared on the stack, without a single call.
    "chain: lea 9f(%rip), %rax\n push %rax\n lea 3f(%rip), %rax\n push %rax\n lea 2f(%rip), %rax\n push %rax\n"
    " lea 1f(%rip), %rax\n push %rax\n xor %eax, %eax\n ret\n"
    "1: lea 1(%rax, %rax), %eax\n ret\n 2: lea 1(%rax, %rax), %eax\n ret\n 3: lea (%rax, %rax), %eax\n ret\n 9: ret\n"
    // The return address is rewritten between call and ret, the same call each time.
    "rewritten: mov %rdi, %r8\n call 1f\n"
    "0: ret\n .balign 16\n"
    "5: mov $100, %eax\n ret\n .balign 16\n mov $101, %eax\n ret\n .balign 16\n mov $102, %eax\n ret\n .balign 16\n "
    "mov $103, %eax\n ret\n"
    "1: and $3, %r8d\n shl $4, %r8d\n lea 5b(%rip), %rax\n add %rax, %r8\n mov %r8, (%rsp)\n ret\n"
    // Two stacks that hand control to each other by ret.
    "ping_pong: push %rbx\n push %rbp\n mov %rsp, %rbx\n mov %rdi, %rcx\n xor %eax, %eax\n"
    " lea 2f(%rip), %rdx\n mov %rdx, -8(%rsi)\n lea -8(%rsi), %rbp\n"
    "1: call 3f\n inc %eax\n dec %rcx\n jnz 1b\n mov %rbx, %rsp\n pop %rbp\n pop %rbx\n ret\n"
    "3: xchg %rsp, %rbp\n ret\n"  // onto the other stack
    "2: add $2, %eax\n call 4f\n jmp 2b\n"
    "4: xchg %rsp, %rbp\n ret\n");  // and back
u64 learn_pc(u64), skip_frame(void), two_exits(u64), chain(void), rewritten(u64), ping_pong(u64, void*);

static u64 nested(u64 n, u64 (*f)(u64)) { return n == 0 ? f(0) : nested(n - 1, f) + 1; }

int main(void) {
  u8* stack = map_pages(4, PROT_READ | PROT_WRITE) + 4 * 4096;
  for (u64 i = 0; i < 100; i++) {
    CHECK_EQ(learn_pc(50), 50);
    CHECK_EQ(skip_frame(), 3);
    CHECK_EQ(two_exits(i & 1), i & 1 ? 20 : 10);
    CHECK_EQ(chain(), 6);
    CHECK_EQ(rewritten(i), 100 + i % 4);
    CHECK_EQ(ping_pong(i + 1, stack), 3 * (i + 1));
    CHECK_EQ(nested(i * 20, rewritten), 100 + i * 20);
    CHECK_EQ(nested(300 - i, two_exits), 10 + 300 - i);
  }
  return done();
}
