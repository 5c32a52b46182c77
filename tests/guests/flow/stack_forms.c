// push, pop, call, ret and jmp in every operand form, with rsp as base, source and destination.
#include "common.h"

u64 slots[8];

__asm__(
    ".text\n"
    // Each returns a value that main compares.
    "push_rsp: push %rsp\n pop %rax\n sub %rsp, %rax\n ret\n"  // 0: the old rsp is pushed
    "pop_rsp: mov %rsp, %rdx\n lea -64(%rsp), %rcx\n push %rcx\n pop %rsp\n mov %rsp, %rax\n sub %rcx, %rax\n"
    " mov %rdx, %rsp\n ret\n"  // 0
    "push_imm: push $-3\n push $0x12345678\n pop %rax\n pop %rcx\n add %rcx, %rax\n ret\n"
    "push_16: mov %rsp, %rdx\n pushw $0x1234\n pushw $0x5678\n mov (%rsp), %eax\n lea 4(%rsp), %rcx\n sub %rdx, %rcx\n"
    " add %rcx, %rax\n add $4, %rsp\n ret\n"
    "push_rip: push slots+8(%rip)\n pop %rax\n ret\n"
    "pop_rip: push $77\n pop slots+16(%rip)\n mov slots+16(%rip), %rax\n ret\n"
    // pop [rsp+d]: the address is formed with rsp after the pop.
    "pop_at_rsp: push $5\n push $6\n push $7\n pop 8(%rsp)\n pop %rcx\n pop %rax\n shl $8, %rax\n or %rcx, %rax\n ret\n"
    // push [rsp+d]: with rsp before the push.
    "push_at_rsp: push $5\n push $6\n push 8(%rsp)\n pop %rax\n pop %rcx\n pop %rdx\n shl $8, %rax\n or %rcx, %rax\n "
    "ret\n"
    "call_at_rsp: lea 1f(%rip), %rax\n push %rax\n call *(%rsp)\n pop %rcx\n ret\n 1: mov $31, %eax\n ret\n"
    "call_at_rsp_8: lea 1f(%rip), %rax\n push %rax\n push $0\n call *8(%rsp)\n pop %rcx\n pop %rcx\n ret\n"
    " 1: mov $32, %eax\n ret\n"
    "call_rsp: lea 1f(%rip), %rcx\n mov %rsp, %rdx\n mov %rcx, %rsp\n xchg %rsp, %rdx\n call *%rdx\n ret\n"
    " 1: mov $33, %eax\n ret\n"
    "call_rip: lea 1f(%rip), %rax\n mov %rax, slots+24(%rip)\n call *slots+24(%rip)\n ret\n 1: mov $34, %eax\n ret\n"
    "jmp_rip: lea 1f(%rip), %rax\n mov %rax, slots+24(%rip)\n jmp *slots+24(%rip)\n ud2\n 1: mov $35, %eax\n ret\n"
    "jmp_sib: lea 1f(%rip), %rax\n mov %rax, slots+40(%rip)\n lea slots(%rip), %rdx\n mov $5, %ecx\n"
    " jmp *(%rdx, %rcx, 8)\n ud2\n 1: mov $36, %eax\n ret\n"
    "ret_imm: mov %rsp, %rdx\n push $1\n push $2\n call 1f\n sub %rsp, %rdx\n mov %rdx, %rax\n ret\n 1: ret $16\n"
    "xchg_rsp: mov %rsp, %rdx\n mov $123, %eax\n xchg %rsp, %rax\n mov %rsp, %rcx\n xchg %rax, %rsp\n sub %rsp, %rdx\n"
    " lea (%rcx, %rdx), %rax\n ret\n"
    // rsp as a general register, with values no stack has, while calls of nothing happen.
    "odd_rsp: mov %rsp, %rdx\n xor %esp, %esp\n mov $1000, %ecx\n 1: lea 3(%rsp), %rsp\n dec %ecx\n jnz 1b\n"
    " mov %rsp, %rax\n mov %rdx, %rsp\n ret\n"
    "rsp_arith: mov %rsp, %rdx\n add $0x100, %rsp\n and $-64, %rsp\n lea -0x200(%rsp), %rsp\n mov %esp, %eax\n and "
    "$63, %eax\n"
    " mov %rdx, %rsp\n ret\n"
    "enter_nested: push %rbp\n mov %rsp, %rdx\n enter $24, $0\n movq $9, -8(%rbp)\n mov -8(%rbp), %rax\n leave\n"
    " sub %rsp, %rdx\n add %rdx, %rax\n pop %rbp\n ret\n"
    "leave_only: push %rbp\n mov %rsp, %rbp\n sub $128, %rsp\n mov $41, %eax\n leave\n ret\n"
    // The red zone must survive whatever the engine does between the instructions.
    "red_zone: movq $11, -8(%rsp)\n movq $22, -64(%rsp)\n movq $33, -128(%rsp)\n mov $20, %ecx\n 1: dec %ecx\n jnz 1b\n"
    " lea 2f(%rip), %rax\n jmp *%rax\n 2: cmp %ecx, %ecx\n jz 3f\n ud2\n 3: mov -8(%rsp), %rax\n add -64(%rsp), %rax\n"
    " add -128(%rsp), %rax\n ret\n"
    "red_zone_cpuid: push %rbx\n movq $11, -8(%rsp)\n movq $22, -128(%rsp)\n mov $0, %eax\n cpuid\n rdtsc\n mov $39, "
    "%eax\n syscall\n"
    " mov -8(%rsp), %rax\n add -128(%rsp), %rax\n pop %rbx\n ret\n"
    "pushf_pop: stc\n pushfq\n pop %rax\n and $1, %eax\n ret\n"
    "pushf_16: mov %rsp, %rdx\n pushfw\n sub %rsp, %rdx\n popfw\n mov %rdx, %rax\n ret\n"
    "ret_to_stack: lea 1f(%rip), %rax\n mov %rax, -8(%rsp)\n lea -8(%rsp), %rsp\n ret\n 1: mov $51, %eax\n ret\n"
    // The callee changes where it returns to.
    "return_edit: call 1f\n mov $1, %eax\n ret\n 1: addq $5, (%rsp)\n ret\n nop\n nop\n"
    "push_pop_fs: push %fs\n pop %rax\n ret\n");

#define FUNCTIONS(F)                                                                                                \
  F(push_rsp, 0)                                                                                                    \
  F(pop_rsp, 0)                                                                                                     \
  F(push_imm, 0x12345675)                                                                                           \
  F(push_16, 0x12345678)                                                                                            \
  F(push_rip, 1001)                                                                                                 \
  F(pop_rip, 77)                                                                                                    \
  F(pop_at_rsp, 0x706)                                                                                              \
  F(push_at_rsp, 0x506)                                                                                             \
  F(call_at_rsp, 31)                                                                                                \
  F(call_at_rsp_8, 32) F(call_rsp, 33) F(call_rip, 34) F(jmp_rip, 35) F(jmp_sib, 36) F(ret_imm, 0) F(xchg_rsp, 123) \
      F(odd_rsp, 3000) F(rsp_arith, 0) F(enter_nested, 9) F(leave_only, 41) F(red_zone, 66) F(red_zone_cpuid, 33)   \
          F(pushf_pop, 1) F(pushf_16, 2) F(ret_to_stack, 51) F(return_edit, 0) F(push_pop_fs, 0)

#define DECLARE(name, want) u64 name(void);
FUNCTIONS(DECLARE)

// rax is zero at the start; nothing but rbx, rbp and r12-r15 is kept.
static u64 run(u64 (*f)(void)) {
  u64 value;
  __asm__ volatile("xor %%eax, %%eax\n call *%1"
                   : "=&a"(value)
                   : "r"(f)
                   : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
  return value;
}

int main(void) {
  slots[1] = 1001;
  for (int round = 0; round < 20; round++) {
#define TEST(name, want) CHECK_EQ(run(name), want);
    FUNCTIONS(TEST)
  }
  return done();
}
