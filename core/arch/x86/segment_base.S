# The bases of FS and GS, by instruction or by arch_prctl (segment_base.h). Every register but rax, rcx and r11 is kept,
# vector registers too: these are called with the guest's state in place.
        .macro  base_access segment, get, set
        .text
        .globl  fred_read_\segment\()_base
        .type   fred_read_\segment\()_base, @function
fred_read_\segment\()_base:
        cmpb    $0, fred_fsgsbase(%rip)
        je      1f
        rd\segment\()base %rax
        ret
1:      push    %rdi
        push    %rsi
        push    %rax                            # room for the answer
        mov     $\get, %edi
        mov     %rsp, %rsi
        mov     $158, %eax                      # __NR_arch_prctl
        syscall
        pop     %rax
        pop     %rsi
        pop     %rdi
        ret
        .size   fred_read_\segment\()_base, .-fred_read_\segment\()_base

        .globl  fred_write_\segment\()_base
        .type   fred_write_\segment\()_base, @function
fred_write_\segment\()_base:
        cmpb    $0, fred_fsgsbase(%rip)
        je      1f
        wr\segment\()base %rdi
        ret
1:      push    %rdi
        push    %rsi
        mov     %rdi, %rsi
        mov     $\set, %edi
        mov     $158, %eax
        syscall
        pop     %rsi
        pop     %rdi
        ret
        .size   fred_write_\segment\()_base, .-fred_write_\segment\()_base
        .endm

        base_access fs, 0x1003, 0x1002          # ARCH_GET_FS, ARCH_SET_FS
        base_access gs, 0x1004, 0x1001
        .section .note.GNU-stack, "", @progbits
