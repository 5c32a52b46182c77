# A flow of control leaves a stack and comes back to it. What the ABI has a function keep is saved on the stack itself,
# so a suspended stack is one number, and a copy of the memory (a snapshot) is a copy of it.
#
# void fred_suspend(u64* sp, void (*then)(GuestThread*), GuestThread* thread)
# Saves this flow in *sp and calls then(thread) further down the same stack. Comes back when `then` does, or when
# somebody resumes *sp: the frames of `then` are gone in that case.
#include "core/arch/x86/callee_saved.inc"
        .text
        .globl  fred_suspend
        .type   fred_suspend, @function
fred_suspend:
        push_callee_saved
        mov     %rsp, (%rdi)
        mov     %rdx, %rdi
        sub     $8, %rsp                        # the ABI wants the stack aligned at the call
        call    *%rsi
        add     $8, %rsp
        jmp     fred_resumed
        .size   fred_suspend, .-fred_suspend

# [[noreturn]] void fred_resume(u64 sp)
        .globl  fred_resume
        .type   fred_resume, @function
fred_resume:
        mov     %rdi, %rsp
fred_resumed:
        pop_callee_saved
        ret
        .size   fred_resume, .-fred_resume

# Where a stack begins that has not run yet: resuming it finds the function in rbx and its argument in rbp.
        .globl  fred_begin_stack
        .type   fred_begin_stack, @function
fred_begin_stack:
        mov     %rbp, %rdi
        xor     %ebp, %ebp                      # the outermost frame
        call    *%rbx
        ud2
        .size   fred_begin_stack, .-fred_begin_stack
        .section .note.GNU-stack, "", @progbits
