// Instructions that write only some flags, or none for some operands, right after a backward jump: what
// they leave alone must still be there. Each row prints a hash over all flags and results; the same
// instructions run natively give the expected one. Flags that the manual leaves undefined are masked.
// skip-if-no: bmi2 adx
#include "common.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048 };

// A function that sets rax = a, rcx = rbx = b and the flags, jumps backward, does `body`, and returns the flags.
#define PARTIAL(name, body)                                                                              \
  __asm__(".text\n" #name                                                                                \
          ": push %rbx\n push %rcx\n mov %rsi, %rax\n mov %rdx, %rbx\n mov %rdx, %rcx\n"                 \
          " push %rdi\n popfq\n jmp 2f\n 1: jmp 3f\n 2: jmp 1b\n 3: " body                               \
          "\n pushfq\n pop %r9\n cld\n pop %r10\n mov %rax, (%r10)\n mov %r9, %rax\n pop %rbx\n ret\n"); \
  u64 name(u64 flags, u64 a, u64 b, u64* result)

PARTIAL(p_inc, "inc %rax");
PARTIAL(p_dec, "dec %al");
PARTIAL(p_neg, "neg %eax");
PARTIAL(p_not, "not %rax");
PARTIAL(p_shl_cl, "shl %cl, %rax");
PARTIAL(p_shr_cl, "shr %cl, %eax");
PARTIAL(p_sar_cl, "sar %cl, %ax");
PARTIAL(p_shl_1, "shl $1, %rax");
PARTIAL(p_shl_0, "shl $0, %rax");
PARTIAL(p_rol_cl, "rol %cl, %rax");
PARTIAL(p_ror_1, "ror $1, %eax");
PARTIAL(p_rcl_1, "rcl $1, %rax");
PARTIAL(p_rcr_cl, "rcr %cl, %rax");
PARTIAL(p_shld_cl, "shld %cl, %rbx, %rax");
PARTIAL(p_bt, "bt %rcx, %rax");
PARTIAL(p_bts, "bts $5, %rax");
PARTIAL(p_bsf, "bsf %rbx, %rdx\n cmovz %rbx, %rdx\n mov %rdx, %rax");
PARTIAL(p_tzcnt, "tzcnt %rbx, %rax");
PARTIAL(p_popcnt, "popcnt %rbx, %rax");
PARTIAL(p_mul, "mul %rbx");
PARTIAL(p_imul, "imul %rbx, %rax");
PARTIAL(p_mulx, "mov %rbx, %rdx\n mulx %rax, %rax, %rcx");
PARTIAL(p_adc, "adc %rbx, %rax");
PARTIAL(p_sbb, "sbb %bl, %al");
PARTIAL(p_adcx, "adcx %rbx, %rax");
PARTIAL(p_adox, "adox %rbx, %rax");
PARTIAL(p_cmc, "cmc");
PARTIAL(p_stc, "stc");
PARTIAL(p_clc, "clc");
PARTIAL(p_std, "std");
PARTIAL(p_lahf, "lahf");
PARTIAL(p_sahf, "sahf");
PARTIAL(p_setl, "setl %al");
PARTIAL(p_setp, "setp %al");
PARTIAL(p_cmovbe, "cmovbe %rbx, %rax");
PARTIAL(p_cmovo, "cmovo %rbx, %rax");
PARTIAL(p_cmpxchg, "cmpxchg %ecx, %ebx");
PARTIAL(p_xadd, "xadd %rax, %rbx");
PARTIAL(p_repe_none, "mov $0, %ecx\n repe cmpsb");
PARTIAL(p_repne_none, "mov $0, %ecx\n repne scasb");
PARTIAL(p_andn, "andn %rbx, %rax, %rax");
PARTIAL(p_sarx, "sarx %rcx, %rax, %rax");
PARTIAL(p_lea, "lea 1(%rax, %rbx), %rax");
PARTIAL(p_xchg, "xchg %rax, %rbx");
PARTIAL(p_ptest, "movq %rax, %xmm0\n movq %rbx, %xmm1\n ptest %xmm1, %xmm0");
PARTIAL(p_comisd, "cvtsi2sd %rax, %xmm0\n cvtsi2sd %rbx, %xmm1\n comisd %xmm1, %xmm0");
PARTIAL(p_fcomi, "fld1\n fldz\n fcomip %st(1), %st\n fstp %st(0)");
PARTIAL(p_cpuid_then_adc, "push %rax\n push %rbx\n mov $0, %eax\n cpuid\n pop %rbx\n pop %rax\n adc %rbx, %rax");
PARTIAL(p_adc_loop, "mov $7, %ecx\n 1: adc %rbx, %rax\n lea -1(%rcx), %rcx\n jrcxz 2f\n jmp 1b\n 2:");
PARTIAL(p_dec_loop, "mov $9, %ecx\n 1: rcl $1, %rax\n dec %ecx\n jnz 1b");
PARTIAL(p_loop_loop, "mov $9, %ecx\n 1: rcr $1, %rax\n loop 1b");

#define ROW(name, undefined) \
  { #name, name, undefined }
static const struct {
  const char* name;
  u64 (*run)(u64, u64, u64, u64*);
  unsigned undefined;
} rows[] = {
    ROW(p_inc, 0),
    ROW(p_dec, 0),
    ROW(p_neg, 0),
    ROW(p_not, 0),
    ROW(p_shl_cl, AF | OF | CF),
    ROW(p_shr_cl, AF | OF | CF),
    ROW(p_sar_cl, AF | OF | CF),
    ROW(p_shl_1, AF),
    ROW(p_shl_0, 0),
    ROW(p_rol_cl, OF),
    ROW(p_ror_1, 0),
    ROW(p_rcl_1, 0),
    ROW(p_rcr_cl, OF),
    ROW(p_shld_cl, AF | OF),
    ROW(p_bt, OF | SF | AF | PF),
    ROW(p_bts, OF | SF | AF | PF),
    ROW(p_bsf, CF | OF | SF | AF | PF),
    ROW(p_tzcnt, OF | SF | AF | PF),
    ROW(p_popcnt, 0),
    ROW(p_mul, SF | ZF | AF | PF),
    ROW(p_imul, SF | ZF | AF | PF),
    ROW(p_mulx, 0),
    ROW(p_adc, 0),
    ROW(p_sbb, 0),
    ROW(p_adcx, 0),
    ROW(p_adox, 0),
    ROW(p_cmc, 0),
    ROW(p_stc, 0),
    ROW(p_clc, 0),
    ROW(p_std, 0),
    ROW(p_lahf, 0),
    ROW(p_sahf, 0),
    ROW(p_setl, 0),
    ROW(p_setp, 0),
    ROW(p_cmovbe, 0),
    ROW(p_cmovo, 0),
    ROW(p_cmpxchg, 0),
    ROW(p_xadd, 0),
    ROW(p_repe_none, 0),
    ROW(p_repne_none, 0),
    ROW(p_andn, AF | PF),
    ROW(p_sarx, 0),
    ROW(p_lea, 0),
    ROW(p_xchg, 0),
    ROW(p_ptest, 0),
    ROW(p_comisd, 0),
    ROW(p_fcomi, 0),
    ROW(p_cpuid_then_adc, 0),
    ROW(p_adc_loop, 0),
    ROW(p_dec_loop, 0),
    ROW(p_loop_loop, 0),
};

int main(void) {
  static const u64 values[] = {
      0, 1, 2, 31, 63, 64, 0x7f, 0x80, 0x7fff, 0x80000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL};
  enum { VALUES = sizeof values / sizeof *values };
  static const unsigned bits[] = {CF, PF, AF, ZF, SF, OF};
  for (unsigned r = 0; r < sizeof rows / sizeof *rows; r++) {
    u64 hash = 14695981039346656037ULL;
    for (unsigned c = 0; c < 64; c++)
      for (unsigned v = 0; v < VALUES * VALUES; v++) {
        u64 flags = 0x202, result = 0;
        for (unsigned i = 0; i < 6; i++) flags |= c >> i & 1 ? bits[i] : 0;
        const u64 after = rows[r].run(flags, values[v / VALUES], values[v % VALUES], &result);
        hash = (hash ^ (after & 0xcd5 & ~(u64)rows[r].undefined)) * 1099511628211ULL;
        hash = (hash ^ result) * 1099511628211ULL;
      }
    printf("%s %016llx\n", rows[r].name, hash);
  }
  return done();
}
