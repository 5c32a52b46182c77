# The functions of the guest's vDSO. Each is the system call itself; the translator knows that a `syscall`
# in these pages may take the short way (core/dispatch/light.h). As natively, they keep all registers but
# rax, rcx and r11.
        .text
        .macro  call_kernel name, number
        .globl  __vdso_\name
        .type   __vdso_\name, @function
        .weak   \name
        .set    \name, __vdso_\name
        .balign 16
__vdso_\name:
        .cfi_startproc
        mov     $\number, %eax
        syscall
        ret
        .cfi_endproc
        .size   __vdso_\name, .-__vdso_\name
        .endm

        call_kernel clock_gettime, 228
        call_kernel gettimeofday, 96
        call_kernel time, 201
        call_kernel clock_getres, 229
        call_kernel getcpu, 309

        .section .note.GNU-stack, "", @progbits
