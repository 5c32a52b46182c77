# void fred_fuzz_enter(): loads the guest state of fred_fuzz_state and jumps to its code; comes back when
# fred_fuzz_fault has changed the context of a fault to go on at fred_fuzz_leave.
#include "core/arch/x86/callee_saved.inc"
        .text
        .globl  fred_fuzz_enter, fred_fuzz_leave, fred_fuzz_signal_entry
        .type   fred_fuzz_enter, @function
fred_fuzz_enter:
        push_callee_saved
        movb    $1, fred_fuzz_native(%rip)
        mov     %rsp, fred_fuzz_engine_rsp(%rip)
        rdfsbase %rax
        mov     %rax, fred_fuzz_engine_fs(%rip)
        mov     fred_fuzz_vector(%rip), %rcx
        mov     fred_fuzz_mask(%rip), %rax
        xor     %edx, %edx
        xrstor64 (%rcx)
        mov     fred_fuzz_state+144(%rip), %rax         # fs_base
        wrfsbase %rax
        pushq   fred_fuzz_state+136(%rip)               # rflags
        popfq
        mov     fred_fuzz_state+0(%rip), %rax
        mov     fred_fuzz_state+8(%rip), %rcx
        mov     fred_fuzz_state+16(%rip), %rdx
        mov     fred_fuzz_state+24(%rip), %rbx
        mov     fred_fuzz_state+32(%rip), %rsp
        mov     fred_fuzz_state+40(%rip), %rbp
        mov     fred_fuzz_state+48(%rip), %rsi
        mov     fred_fuzz_state+56(%rip), %rdi
        mov     fred_fuzz_state+64(%rip), %r8
        mov     fred_fuzz_state+72(%rip), %r9
        mov     fred_fuzz_state+80(%rip), %r10
        mov     fred_fuzz_state+88(%rip), %r11
        mov     fred_fuzz_state+96(%rip), %r12
        mov     fred_fuzz_state+104(%rip), %r13
        mov     fred_fuzz_state+112(%rip), %r14
        mov     fred_fuzz_state+120(%rip), %r15
        jmp     *fred_fuzz_state+128(%rip)              # rip
fred_fuzz_leave:                                        # rsp is the engine's, flags are clean
        mov     fred_fuzz_engine_fs(%rip), %rax
        wrfsbase %rax
        vzeroupper
        fninit
        ldmxcsr mxcsr(%rip)
        movb    $0, fred_fuzz_native(%rip)
        pop_callee_saved
        ret
        .size   fred_fuzz_enter, .-fred_fuzz_enter

# As fred_signal_entry, to which it leaves what is not native code's.
        .type   fred_fuzz_signal_entry, @function
fred_fuzz_signal_entry:
        cmpb    $0, fred_fuzz_native(%rip)
        je      fred_signal_entry
        pushfq
        andq    $~0x40000, (%rsp)
        popfq
        rdfsbase %rax
        push    %rax
        mov     fred_fuzz_engine_fs(%rip), %rax
        wrfsbase %rax
        call    fred_fuzz_fault
        pop     %rax
        wrfsbase %rax
        ret
        .size   fred_fuzz_signal_entry, .-fred_fuzz_signal_entry

        .section .rodata
        .balign 4
mxcsr:  .long   0x1f80
        .section .note.GNU-stack, "", @progbits
