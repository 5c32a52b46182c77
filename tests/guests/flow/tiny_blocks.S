// Blocks of one instruction: jumps to jumps, calls to returns, and a branch into the middle of another
// instruction. The exit status is the number of visits.
// status: 5
// build: -nostdlib -static
#include <sys/syscall.h>
  .globl _start
_start:
  xor %ebx, %ebx
  jmp 1f
2: jmp 3f
4: jmp 5f
1: jmp 2b
3: jmp 4b
5: inc %ebx                 # 1
  call only_ret
  call only_ret
  call jump_to_ret
  inc %ebx                  # 2
  jmp 6f
6: jz 7f
7: jnz 8f
8: jmp 9f
9:
  # Overlapping code: the immediate of the mov is itself "inc %ebx; nop; jmp +2".
  mov $2, %ecx
again:
  dec %ecx
  jz into
  .byte 0xb8                # mov $imm32, %eax
into:
  inc %ebx                  # ff c3: skipped the first time, 3 the second
  nop
  nop
  test %ecx, %ecx
  jnz again
  mov $100, %ecx
loop_self:
  loop loop_self            # a block that is its own successor
  test %ecx, %ecx
  jnz bad
  inc %ebx                  # 4
  lea only_jmp(%rip), %rax
  jmp *%rax
back:
  inc %ebx                  # 5
  mov %ebx, %edi
  mov $SYS_exit_group, %eax
  syscall
bad:
  ud2
only_ret: ret
jump_to_ret: jmp only_ret
only_jmp: jmp back
  .section .note.GNU-stack,"",@progbits
