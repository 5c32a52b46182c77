// All 64 combinations of the arithmetic flags, with DF clear and set, survive every kind of transfer of
// control, backward and forward, and the instructions that leave the code cache.
#include "common.h"

// A function u64 f(u64 flags): sets the flags, does `body`, and returns the flags.
#define TRANSFER(name, body)                                                                                         \
  __asm__(".text\n" #name ": push %rbx\n push %rdi\n popfq\n" body "\n pushfq\n pop %rax\n cld\n pop %rbx\n ret\n"); \
  u64 name(u64 flags)
#define BACKWARD(jump) "jmp 2f\n 1: jmp 3f\n 2: " jump " 1b\n 3:"
#define FORWARD(jump) jump " 1f\n 1:"

TRANSFER(nothing, "nop");
TRANSFER(jmp_back, BACKWARD("jmp"));
TRANSFER(jmp_forward, FORWARD("jmp"));
TRANSFER(jo_back, BACKWARD("jo"));
TRANSFER(jno_back, BACKWARD("jno"));
TRANSFER(jb_back, BACKWARD("jb"));
TRANSFER(jae_back, BACKWARD("jae"));
TRANSFER(jz_back, BACKWARD("jz"));
TRANSFER(jnz_back, BACKWARD("jnz"));
TRANSFER(jbe_back, BACKWARD("jbe"));
TRANSFER(ja_back, BACKWARD("ja"));
TRANSFER(js_back, BACKWARD("js"));
TRANSFER(jns_back, BACKWARD("jns"));
TRANSFER(jp_back, BACKWARD("jp"));
TRANSFER(jnp_back, BACKWARD("jnp"));
TRANSFER(jl_back, BACKWARD("jl"));
TRANSFER(jge_back, BACKWARD("jge"));
TRANSFER(jle_back, BACKWARD("jle"));
TRANSFER(jg_back, BACKWARD("jg"));
TRANSFER(jz_forward, FORWARD("jz"));
TRANSFER(jl_forward, FORWARD("jl"));
TRANSFER(jrcxz_back, "mov $0, %ecx\n" BACKWARD("jrcxz"));
TRANSFER(jrcxz_not, "mov $1, %ecx\n" BACKWARD("jrcxz"));
TRANSFER(jecxz_back, "mov $1, %rcx\n shlx %rcx, %rcx, %rcx\n movabs $0x100000000, %rcx\n" BACKWARD("jecxz"));
TRANSFER(loop_self, "mov $5, %ecx\n 1: loop 1b");
TRANSFER(loope_self, "mov $5, %ecx\n 1: loope 1b");
TRANSFER(loopne_self, "mov $5, %ecx\n 1: loopne 1b");
TRANSFER(loop_ecx, "mov $-1, %rcx\n mov $3, %ecx\n 1: addr32 loop 1b");
TRANSFER(call_back, "jmp 2f\n 1: ret\n 2: call 1b");
TRANSFER(call_forward, "call 1f\n jmp 2f\n 1: ret\n 2:");
TRANSFER(call_register, "lea 1f(%rip), %rbx\n call *%rbx\n jmp 2f\n 1: ret\n 2:");
TRANSFER(call_memory, "lea 1f(%rip), %rax\n push %rax\n call *(%rsp)\n jmp 2f\n 1: ret\n 2: pop %rax");
TRANSFER(jmp_register, "lea 1f(%rip), %rcx\n jmp *%rcx\n 1:");
TRANSFER(jmp_memory, "lea 1f(%rip), %rax\n push %rax\n jmp *(%rsp)\n 1: pop %rax");
TRANSFER(push_ret, "lea 1f(%rip), %rax\n push %rax\n ret\n 1:");
TRANSFER(ret_pops, "lea -16(%rsp), %rsp\n call 1f\n jmp 2f\n 1: ret $16\n 2:");
TRANSFER(system_call, "mov $39, %eax\n syscall");
TRANSFER(failing_call, "mov $-1, %rax\n syscall");
TRANSFER(ask_cpuid, "mov $0, %eax\n mov $0, %ecx\n cpuid");
TRANSFER(ask_rdtsc, "rdtsc");
TRANSFER(ask_xgetbv, "mov $0, %ecx\n xgetbv");
TRANSFER(enter_leave, "enter $32, $0\n leave");
TRANSFER(not_and_lea, "not %rax\n lea 3(%rax, %rax, 2), %rcx\n bswap %rcx\n mov %rcx, %rax\n xchg %rax, %rcx");

#define ROW(name) \
  { #name, name }
static const struct {
  const char* name;
  u64 (*run)(u64);
} rows[] = {
    ROW(nothing),       ROW(jmp_back),     ROW(jmp_forward),  ROW(jo_back),    ROW(jno_back),   ROW(jb_back),
    ROW(jae_back),      ROW(jz_back),      ROW(jnz_back),     ROW(jbe_back),   ROW(ja_back),    ROW(js_back),
    ROW(jns_back),      ROW(jp_back),      ROW(jnp_back),     ROW(jl_back),    ROW(jge_back),   ROW(jle_back),
    ROW(jg_back),       ROW(jz_forward),   ROW(jl_forward),   ROW(jrcxz_back), ROW(jrcxz_not),  ROW(jecxz_back),
    ROW(loop_self),     ROW(loope_self),   ROW(loopne_self),  ROW(loop_ecx),   ROW(call_back),  ROW(call_forward),
    ROW(call_register), ROW(call_memory),  ROW(jmp_register), ROW(jmp_memory), ROW(push_ret),   ROW(ret_pops),
    ROW(system_call),   ROW(failing_call), ROW(ask_cpuid),    ROW(ask_rdtsc),  ROW(ask_xgetbv), ROW(enter_leave),
    ROW(not_and_lea),
};

int main(void) {
  static const u64 bits[] = {0x001, 0x004, 0x010, 0x040, 0x080, 0x800, 0x400};
  u64 all = 0;
  for (unsigned i = 0; i < 7; i++) all |= bits[i];
  for (unsigned r = 0; r < sizeof rows / sizeof *rows; r++) {
    int wrong = 0;
    for (int round = 0; round < 3; round++)
      for (unsigned combination = 0; combination < 128; combination++) {
        u64 flags = 0x202;
        for (unsigned i = 0; i < 7; i++) flags |= combination >> i & 1 ? bits[i] : 0;
        const u64 after = rows[r].run(flags);
        if ((after & all) != (flags & all) && wrong++ == 0)
          printf("FAIL %s: flags %#llx become %#llx\n", rows[r].name, flags, after);
      }
    failures += wrong != 0;
  }
  return done();
}
