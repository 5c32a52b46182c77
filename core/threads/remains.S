# The last steps of a thread out of an engine whose memory goes (remains.h). Both run in a copy of this, in memory that
# stays, with all signals blocked and the program's segments, and use no stack.
        .text
        .globl  fred_remains_begin, fred_remains_leave, fred_remains_unmap, fred_remains_end
        .set    SYS_close, 3
        .set    SYS_munmap, 11
        .set    SYS_rt_sigreturn, 15
        .set    SYS_exit, 60
        .set    SYS_futex, 202
        .set    FUTEX_WAIT_PRIVATE, 128
        .set    FUTEX_WAKE_PRIVATE, 129

fred_remains_begin:
# rdi: how many threads still run the engine's code, a futex; rsp: a frame, as a handler's return leaves it.
fred_remains_leave:
        lock decl (%rdi)
        jnz     .Lreturn
        mov     $FUTEX_WAKE_PRIVATE, %esi
        mov     $1, %edx
        mov     $SYS_futex, %eax
        syscall
.Lreturn:
        mov     $SYS_rt_sigreturn, %eax
        syscall
        ud2

# rdi: the same, without this thread. rbx to rbp: pairs of address and size, to be unmapped, and the memory that they
# are in, r12 bytes, too. Then r13 is closed. rsp as above, or 0: the thread ends.
fred_remains_unmap:
        mov     (%rdi), %edx
        test    %edx, %edx
        jz      .Lalone
        mov     $FUTEX_WAIT_PRIVATE, %esi
        xor     %r10d, %r10d
        mov     $SYS_futex, %eax
        syscall
        jmp     fred_remains_unmap
.Lalone:
        mov     %rbx, %r15
.Lnext:
        cmp     %rbp, %rbx
        je      .Lall
        mov     (%rbx), %rdi
        mov     8(%rbx), %rsi
        mov     $SYS_munmap, %eax
        syscall
        add     $16, %rbx
        jmp     .Lnext
.Lall:
        mov     %r15, %rdi
        mov     %r12, %rsi
        mov     $SYS_munmap, %eax
        syscall
        mov     %r13d, %edi
        mov     $SYS_close, %eax
        syscall
        test    %rsp, %rsp
        jnz     .Lreturn
.Lend:
        xor     %edi, %edi
        mov     $SYS_exit, %eax
        syscall
        jmp     .Lend
fred_remains_end:
        .section .note.GNU-stack, "", @progbits
