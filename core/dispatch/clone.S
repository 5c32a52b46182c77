# i64 fred_clone_on_stack(u64 flags, void* stack_top, void (*child)(void*), void* argument, u32* cleared)
# clone whose child runs `child` on another stack and never returns. The parent gets the kernel's result;
# with CLONE_VFORK when the child has gone or executed another program.
        .text
        .globl  fred_clone_on_stack
        .type   fred_clone_on_stack, @function
fred_clone_on_stack:
        mov     %rdx, -16(%rsi)                 # child and argument lie on its stack
        mov     %rcx, -8(%rsi)
        sub     $16, %rsi
        xor     %edx, %edx                      # parent_tid
        mov     %r8, %r10                       # child_tid (CLONE_CHILD_CLEARTID)
        xor     %r8d, %r8d                      # tls
        mov     $56, %eax                       # __NR_clone
        syscall
        test    %rax, %rax
        jz      1f
        ret
1:      xor     %ebp, %ebp                      # the outermost frame
        pop     %rax                            # child
        pop     %rdi                            # argument
        call    *%rax
        ud2
        .size   fred_clone_on_stack, .-fred_clone_on_stack
        .section .note.GNU-stack, "", @progbits
