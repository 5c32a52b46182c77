# Touching a word of memory that others use at the same time: each in one access, as the guest's own instruction would.
# The kernel signal handler sends a fault between the begin and the end label to the fault label.

# u64 fred_word_move(void* to, const void* from, u64 size)
# Copies 1, 2, 4, 8 or 16 bytes. Returns 0, or 1 if that faulted. (16 bytes at an aligned address are one access on
# every processor that has AVX.)
        .text
        .globl  fred_word_move, fred_word_move_begin, fred_word_move_end, fred_word_move_fault
        .type   fred_word_move, @function
fred_word_move:
fred_word_move_begin:
        cmp     $8, %rdx
        ja      3f                      # 16
        je      2f                      # 8
        cmp     $2, %rdx
        ja      1f                      # 4
        je      0f                      # 2
        movzbl  (%rsi), %eax
        movb    %al, (%rdi)
        xor     %eax, %eax
        ret
0:      movzwl  (%rsi), %eax
        movw    %ax, (%rdi)
        xor     %eax, %eax
        ret
1:      movl    (%rsi), %eax
        movl    %eax, (%rdi)
        xor     %eax, %eax
        ret
2:      movq    (%rsi), %rax
        movq    %rax, (%rdi)
        xor     %eax, %eax
        ret
3:      movdqu  (%rsi), %xmm0
        movdqu  %xmm0, (%rdi)
        xor     %eax, %eax
        ret
fred_word_move_end:
fred_word_move_fault:
        mov     $1, %eax
        ret
        .size   fred_word_move, .-fred_word_move

# u64 fred_word_exchange(void* at, const void* expected, const void* desired, u64 size)
# If the 1, 2, 4, 8 or 16 bytes (those aligned) at `at` are as expected, they become `desired`, in one access. Returns 0
# then, 1 if they are others, 2 if that faulted.
        .globl  fred_word_exchange, fred_word_exchange_begin, fred_word_exchange_end, fred_word_exchange_fault
        .type   fred_word_exchange, @function
fred_word_exchange:
        mov     %rdx, %r8               # desired; rdx is needed for 16 bytes
        mov     %rcx, %r9               # size
fred_word_exchange_begin:
        cmp     $8, %r9
        ja      3f                      # 16
        je      2f                      # 8
        cmp     $2, %r9
        ja      1f                      # 4
        je      0f                      # 2
        movzbl  (%rsi), %eax
        movzbl  (%r8), %ecx
        lock cmpxchgb %cl, (%rdi)
        jmp     4f
0:      movzwl  (%rsi), %eax
        movzwl  (%r8), %ecx
        lock cmpxchgw %cx, (%rdi)
        jmp     4f
1:      movl    (%rsi), %eax
        movl    (%r8), %ecx
        lock cmpxchgl %ecx, (%rdi)
        jmp     4f
2:      movq    (%rsi), %rax
        movq    (%r8), %rcx
        lock cmpxchgq %rcx, (%rdi)
        jmp     4f
3:      push    %rbx                    # the low half of what is to be written goes there
        movq    (%rsi), %rax
        movq    8(%rsi), %rdx
        movq    (%r8), %rbx
        movq    8(%r8), %rcx
        lock cmpxchg16b (%rdi)
        pop     %rbx
4:      setne   %al
        movzbl  %al, %eax
        ret
fred_word_exchange_end:
fred_word_exchange_fault:
        cmp     $8, %r9
        jbe     5f
        pop     %rbx                    # it was pushed before anything could fault
5:      mov     $2, %eax
        ret
        .size   fred_word_exchange, .-fred_word_exchange
        .section .note.GNU-stack, "", @progbits
