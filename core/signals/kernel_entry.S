# Where the kernel delivers every signal of the process. The interrupted code may be the guest's: FS is
# then the guest's, and AC may be set. The C++ handler must see the engine's FS, and the frame that the
# kernel restores does not hold FS, so it is put back here.
#
# void fred_signal_entry(int signal, siginfo_t* info, void* context)
        .text
        .globl  fred_signal_entry
        .type   fred_signal_entry, @function
fred_signal_entry:
        pushfq
        andq    $~0x40000, (%rsp)               # AC off: the C ABI allows unaligned access
        popfq
        call    fred_read_fs_base               # keeps the arguments, as does the writing
        push    %rax                            # the interrupted FS; the stack is aligned again
        push    %rdi
        push    %rdi
        mov     fred_engine_fs(%rip), %rdi
        call    fred_write_fs_base
        pop     %rdi
        pop     %rdi
        call    fred_handle_signal              # same arguments
        pop     %rdi
        call    fred_write_fs_base
        ret                                     # to the restorer
        .size   fred_signal_entry, .-fred_signal_entry

# void fred_signal_restorer(): rt_sigreturn
        .globl  fred_signal_restorer
        .type   fred_signal_restorer, @function
fred_signal_restorer:
        mov     $15, %eax                       # __NR_rt_sigreturn
        syscall
        .size   fred_signal_restorer, .-fred_signal_restorer

# i64 fred_guest_syscall(u64 number, const u64* args, const u64* request)
# The one place that issues system calls which a signal may interrupt. A signal that comes before the
# syscall instruction has run finds pc between check and instruction, and the handler sends it to
# fred_syscall_restart; one that interrupts the call finds pc at the instruction (the kernel will restart:
# SA_RESTART) or behind it (-EINTR is the result).
        .globl  fred_guest_syscall, fred_syscall_check, fred_syscall_instruction, fred_syscall_done
        .globl  fred_syscall_restart
        .type   fred_guest_syscall, @function
fred_guest_syscall:
        push    %rbx
        mov     %rdx, %rbx                      # request
        mov     %rdi, %rax                      # number
        mov     %rsi, %r11                      # args
        mov     0(%r11), %rdi
        mov     8(%r11), %rsi
        mov     16(%r11), %rdx
        mov     24(%r11), %r10
        mov     32(%r11), %r8
        mov     40(%r11), %r9
fred_syscall_check:
        cmpq    $0, (%rbx)                      # a signal is waiting already?
        jne     fred_syscall_restart
fred_syscall_instruction:
        syscall
fred_syscall_done:
        pop     %rbx
        ret
fred_syscall_restart:
        mov     $-512, %rax                     # -ERESTARTSYS
        pop     %rbx
        ret
        .size   fred_guest_syscall, .-fred_guest_syscall

        .data
        .globl  fred_engine_fs
        .balign 8
fred_engine_fs:
        .quad   0
        .section .note.GNU-stack, "", @progbits
