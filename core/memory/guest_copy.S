# u64 fred_guest_copy(void* to, const void* from, u64 size)
# Copies and returns the number of bytes left uncopied: 0, or at a fault what rcx held. The kernel signal
# handler sends a fault between the two labels to fred_guest_copy_fault.
        .text
        .globl  fred_guest_copy, fred_guest_copy_begin, fred_guest_copy_end, fred_guest_copy_fault
        .type   fred_guest_copy, @function
fred_guest_copy:
        mov     %rdx, %rcx              # size
fred_guest_copy_begin:
        rep movsb                       # a fault leaves rcx at the bytes not copied
fred_guest_copy_end:
fred_guest_copy_fault:
        mov     %rcx, %rax              # bytes left
        ret
        .size   fred_guest_copy, .-fred_guest_copy

# u64 fred_guest_probe(const void* at): 0 if the byte is readable, 1 if not
        .globl  fred_guest_probe, fred_guest_probe_begin, fred_guest_probe_end, fred_guest_probe_fault
        .type   fred_guest_probe, @function
fred_guest_probe:
fred_guest_probe_begin:
        movzbl  (%rdi), %eax            # may fault
fred_guest_probe_end:
        xor     %eax, %eax
        ret
fred_guest_probe_fault:
        mov     $1, %eax
        ret
        .size   fred_guest_probe, .-fred_guest_probe
        .section .note.GNU-stack, "", @progbits
