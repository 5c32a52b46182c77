// Death by int3, without a libc.
// status: -5
// build: -nostdlib -static
  .globl _start
_start:
  int3
  .section .note.GNU-stack,"",@progbits
