// The state at the first instruction: rsp aligned, argc and argv in place, DF clear, MXCSR and x87 at
// their defaults, the vector registers and (natively) all general registers zero.
// args: one two
// build: -nostdlib -static
#include <sys/syscall.h>
  .globl _start
_start:
  mov $1, %r15d             # the number of the check that failed
  or %rax, %rbx
  or %rcx, %rbx
  or %rsi, %rbx
  or %rdi, %rbx
  or %rbp, %rbx
  or %r8, %rbx
  or %r9, %rbx
  or %r10, %rbx
  or %r11, %rbx
  or %r12, %rbx
  or %r13, %rbx
  or %r14, %rbx
  test %rbx, %rbx
  jnz fail
  inc %r15d                 # 2
  test $15, %spl
  jnz fail
  inc %r15d                 # 3
  cmpq $3, (%rsp)
  jne fail
  inc %r15d                 # 4: argv ends with NULL
  cmpq $0, 32(%rsp)
  jne fail
  inc %r15d                 # 5
  mov 16(%rsp), %rax
  cmpl $0x00656e6f, (%rax)  # "one"
  jne fail
  inc %r15d                 # 6
  pushfq
  pop %rax
  test $0x4dd5 & ~0x44, %eax # no DF, OF, SF, CF, TF…: only ZF and PF come from the cmp
  jnz fail
  inc %r15d                 # 7
  sub $16, %rsp
  stmxcsr (%rsp)
  cmpl $0x1f80, (%rsp)
  jne fail
  inc %r15d                 # 8
  fnstcw (%rsp)
  cmpw $0x37f, (%rsp)
  jne fail
  inc %r15d                 # 9
  por %xmm1, %xmm0
  por %xmm7, %xmm0
  por %xmm15, %xmm0
  pxor %xmm1, %xmm1
  pcmpeqb %xmm1, %xmm0
  pmovmskb %xmm0, %eax
  cmp $0xffff, %eax
  jne fail
  inc %r15d                 # 10
  mov %fs, %eax
  mov %gs, %ebx
  or %ebx, %eax
  jnz fail
  xor %r15d, %r15d
fail:
  mov %r15d, %edi
  mov $SYS_exit_group, %eax
  syscall
  .section .note.GNU-stack,"",@progbits
