// Signals other than SIGSEGV for a memory access: arithmetic, illegal and privileged instructions,
// breakpoints, alignment, and addresses that are not canonical.
#include "fault/probe.h"

SNIPPET(divide_by_zero, "xor %ecx, %ecx\n xor %edx, %edx", "div %rcx");
SNIPPET(idivide_by_zero, "xor %ecx, %ecx", "idivl %ecx");
SNIPPET(divide_overflow, "mov $5, %edx\n mov $5, %ecx", "div %ecx");
SNIPPET(divide_byte, "mov $0x4000, %eax\n mov $2, %ecx", "div %cl");
SNIPPET(divide_minimum, "movabs $0x8000000000000000, %rax\n cqo\n mov $-1, %rcx", "idiv %rcx");
SNIPPET(undefined, "add $1, %r15", "ud2");
SNIPPET(undefined_1, "nop", "ud1 %eax, %eax");
SNIPPET(lock_register, "nop", ".byte 0xf0, 0x89, 0xc8");
SNIPPET(old_opcode, "nop", ".byte 0x06");
SNIPPET(halt, "stc", "hlt");
SNIPPET(clear_interrupts, "clc", "cli");
SNIPPET(port_in, "nop", "in $0x60, %al");
SNIPPET(port_out, "nop", "out %eax, %dx");
SNIPPET(control_register, "nop", "mov %cr0, %rax");
SNIPPET(model_register, "nop", "rdmsr");
SNIPPET(load_gdt, "nop", "lgdt (%rsp)");
SNIPPET(interrupt_0x81, "nop", "int $0x81");
SNIPPET(misaligned_sse, "lea 1(%rsp), %rbx", "movaps (%rbx), %xmm0");
SNIPPET(misaligned_store, "lea 8(%rsp), %rbx", "movaps %xmm0, (%rbx)");
SNIPPET(misaligned_pair, "lea 8(%rsp), %rdi", "cmpxchg16b (%rdi)");
SNIPPET(misaligned_fxsave, "lea 8(%rsp), %rdi", "fxsave (%rdi)");
SNIPPET(misaligned_xsave, "lea 16(%rsp), %rdi", "xsave (%rdi)");
SNIPPET(bad_mxcsr, "movl $0xffff0000, (%rsp)", "ldmxcsr (%rsp)");
SNIPPET(bad_xcr, "mov $77, %ecx", "xgetbv");
SNIPPET(far_load, "movabs $0x0123456789abcdef, %rbx", "mov (%rbx), %rax");
SNIPPET(far_store, "movabs $0x8000000000000000, %rbx", "movb $1, (%rbx)");
SNIPPET(far_modify, "movabs $0xff00000000000000, %rbx", "lock addl $1, 4(%rbx)");
SNIPPET(far_call, "movabs $0xff00000000000000, %rbx", "call *(%rbx)");
SNIPPET(far_push, "movabs $0x8000000000000000, %rsp", "push %rax");
SNIPPET(far_pop, "movabs $0x8000000000000000, %rsp", "pop %rax");
SNIPPET(far_rbp, "movabs $0x8000000000000000, %rbp", "mov (%rbp), %rax");
SNIPPET(kernel_load, "movabs $0xffffffff81000000, %rbx", "mov (%rbx), %rax");

enum { AT = 1, NOWHERE = 0, SELF = 2 };  // si_addr: the instruction, or zero
static const struct {
  Snippet snippet;
  int signal, code, address;
  int trap;
} rows[] = {
#define ROW(name, ...) \
  { SNIPPET_ROW(name), __VA_ARGS__ }
    ROW(divide_by_zero, SIGFPE, FPE_INTDIV, AT, 0),
    ROW(idivide_by_zero, SIGFPE, FPE_INTDIV, AT, 0),
    ROW(divide_overflow, SIGFPE, FPE_INTDIV, AT, 0),
    ROW(divide_byte, SIGFPE, FPE_INTDIV, AT, 0),
    ROW(divide_minimum, SIGFPE, FPE_INTDIV, AT, 0),
    ROW(undefined, SIGILL, ILL_ILLOPN, AT, 6),
    ROW(undefined_1, SIGILL, ILL_ILLOPN, AT, 6),
    ROW(lock_register, SIGILL, ILL_ILLOPN, AT, 6),
    ROW(old_opcode, SIGILL, ILL_ILLOPN, AT, 6),
    ROW(halt, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(clear_interrupts, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(port_in, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(port_out, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(control_register, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(model_register, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(load_gdt, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(interrupt_0x81, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(misaligned_sse, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(misaligned_store, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(misaligned_pair, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(misaligned_fxsave, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(misaligned_xsave, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(bad_mxcsr, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(bad_xcr, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(far_load, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(far_store, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(far_modify, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(far_call, SIGSEGV, SI_KERNEL, NOWHERE, 13),
    ROW(far_push, SIGBUS, SI_KERNEL, NOWHERE, 12),
    ROW(far_pop, SIGBUS, SI_KERNEL, NOWHERE, 12),
    ROW(far_rbp, SIGBUS, SI_KERNEL, NOWHERE, 12),
};

SNIPPET(breakpoint, "nop", "int3");
SNIPPET(breakpoint_long, "nop", "int $3");

int main(void) {
  probe_setup();
  for (int round = 0; round < 3; round++) {
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
      const Registers in = probe_pattern();
      const u64 address = rows[i].address == AT ? (u64)rows[i].snippet.at : 0;
      probe_exact(&rows[i].snippet, &in, rows[i].signal, rows[i].code, address);
      CHECK_EQ(probe_caught.trap, rows[i].trap);
    }
    // A breakpoint is a trap: rip is behind it.
    const Registers in = probe_pattern();
    const Snippet traps[] = {SNIPPET_ROW(breakpoint), SNIPPET_ROW(breakpoint_long)};
    for (int i = 0; i < 2; i++) {
      probe(traps[i].code, &in);
      probe_expect(traps[i].name, SIGTRAP, SI_KERNEL, 0, (u64)traps[i].after);
      probe_check(traps[i].name, &in);
      CHECK_EQ(probe_caught.trap, 3);
    }
    probe(code_kernel_load, &in);
    CHECK_EQ(probe_caught.signal, SIGSEGV);
    CHECK_EQ(probe_caught.rip, (u64)at_kernel_load);
    CHECK_EQ(probe_caught.code, SEGV_MAPERR);
  }
  return done();
}
