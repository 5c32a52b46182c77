# u64 fred_native_enter(u64 fs): with this FS, traps; the handler of the trap (native_step.cpp) puts the
# guest's state in place of ours and steps, and comes back behind the trap when it is done. Returns FS as the
# guest left it.
#include "core/arch/x86/callee_saved.inc"
        .text
        .globl  fred_native_enter, fred_native_done, fred_native_rsp
        .type   fred_native_enter, @function
fred_native_enter:
        push_callee_saved
        mov     %rsp, fred_native_rsp(%rip)
        call    fred_write_fs_base
        int3
fred_native_done:                               # rsp is ours again, flags are clean
        call    fred_read_fs_base
        push    %rax
        mov     fred_engine_fs(%rip), %rdi
        call    fred_write_fs_base
        pop     %rax
        vzeroupper                              # as the C ABI wants it
        fninit
        ldmxcsr mxcsr(%rip)
        pop_callee_saved
        ret
        .size   fred_native_enter, .-fred_native_enter

        .section .rodata
        .balign 4
mxcsr:  .long   0x1f80
        .bss
        .balign 8
fred_native_rsp:
        .skip   8
        .section .note.GNU-stack, "", @progbits
