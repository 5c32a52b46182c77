// Raw system calls and no libc: the smallest guest.
// status: 7
// build: -nostdlib -static
#include <sys/syscall.h>
  .globl _start
_start:
  mov $SYS_write, %eax
  mov $1, %edi
  lea text(%rip), %rsi
  mov $(text_end - text), %edx
  syscall
  cmp $(text_end - text), %rax
  jne 1f
  mov $SYS_exit, %eax
  mov $7, %edi
  syscall
1:
  mov $SYS_exit_group, %eax
  mov $1, %edi
  syscall
  .section .rodata
text: .ascii "hello\n"
text_end:
  .section .note.GNU-stack,"",@progbits
