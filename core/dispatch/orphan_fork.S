# i64 fred_orphan_fork(u64 flags, i64* pid)
# A fork whose child is nobody's: of a process in between, which makes it and ends at once. That one runs on the caller's
# own stack, in its memory, while the caller waits, so it pushes nothing. 0 in the child; in the caller the id of the
# process in between, to be waited for (__WALL), or -errno; *pid is the child's id, or -errno.
        .text
        .globl  fred_orphan_fork
        .type   fred_orphan_fork, @function
fred_orphan_fork:
        mov     %rdi, %r8                       # kept across both calls
        mov     %rsi, %r9
        mov     $0x4100, %edi                   # CLONE_VM | CLONE_VFORK, no signal at its end
        xor     %esi, %esi                      # the same stack
        xor     %edx, %edx
        xor     %r10d, %r10d
        mov     $56, %eax                       # __NR_clone
        syscall
        test    %rax, %rax
        jnz     1f
        mov     %r8, %rdi                       # in between
        mov     $56, %eax
        syscall
        test    %rax, %rax
        jz      1f                              # the child, in a copy of this memory
        mov     %rax, (%r9)
        xor     %edi, %edi
        mov     $60, %eax                       # __NR_exit
        syscall
        ud2
1:      ret
        .size   fred_orphan_fork, .-fred_orphan_fork
        .section .note.GNU-stack, "", @progbits
