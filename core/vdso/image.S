# The linked vDSO (functions.S, functions.lds) as bytes, padded to a page.
        .section .rodata
        .globl  fred_vdso_begin, fred_vdso_end
        .balign 4096
fred_vdso_begin:
        .incbin FRED_VDSO
        .balign 4096
fred_vdso_end:
        .section .note.GNU-stack, "", @progbits
