// All sixteen ymm registers, the x87 stack and the flags across every instruction that leaves the code
// cache: system calls (also failing and blocking), cpuid, rdtsc, xgetbv.
// build: -mavx2
// skip-if-no: avx2
// fred-line: the program used
#include "common.h"

static u64 in[64], out[64];

#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define LOAD(n) "vmovdqu 32*" #n "(%%r12), %%ymm" #n "\n"
#define STORE(n) "vmovdqu %%ymm" #n ", 32*" #n "(%%r13)\n"
#define CLOBBER                                                                                                     \
  "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "memory", "cc", "xmm0", "xmm1", \
      "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",  \
      "xmm15"
#define KEEPS(name, code)                                                                                              \
  static void name(void) {                                                                                             \
    long double pi;                                                                                                    \
    memset(out, 0, sizeof out);                                                                                        \
    __asm__ volatile("lea -256(%%rsp), %%rsp\n lea in(%%rip), %%r12\n lea out(%%rip), %%r13\n fldpi\n" EACH(LOAD) code \
                     "\n" EACH(STORE) "vzeroupper\n lea 256(%%rsp), %%rsp\n fstpt %0"                                  \
                     : "=m"(pi)                                                                                        \
                     :                                                                                                 \
                     : CLOBBER);                                                                                       \
    if (memcmp(in, out, sizeof in) != 0) failures++, printf("FAIL %s\n", #name);                                       \
    CHECK(pi > 3.1415926L && pi < 3.1415927L);                                                                         \
  }

KEEPS(call_getpid, "mov $39, %%eax\n syscall")
KEEPS(call_failing, "mov $3, %%eax\n mov $-1, %%edi\n syscall")
KEEPS(call_unknown, "mov $9999, %%eax\n syscall")
KEEPS(call_sleep,
      "push $1000\n push $0\n mov $35, %%eax\n mov %%rsp, %%rdi\n xor %%esi, %%esi\n syscall\n pop %%rax\n pop %%rax")
KEEPS(call_map,
      "mov $9, %%eax\n xor %%edi, %%edi\n mov $4096, %%esi\n mov $7, %%edx\n mov $0x22, %%r10d\n mov $-1, %%r8\n"
      "xor %%r9d, %%r9d\n syscall\n movb $0xc3, (%%rax)\n call *%%rax\n mov %%rax, %%rdi\n mov $11, %%eax\n syscall")
KEEPS(ask_cpuid, "mov $1, %%eax\n cpuid")
KEEPS(ask_rdtsc, "rdtsc")
KEEPS(ask_xgetbv, "xor %%ecx, %%ecx\n xgetbv")

// The registers that a system call may change are rax, rcx and r11 alone: rcx is the return address and
// r11 the flags.
extern const u8 after_call[];
static void check_registers(void) {
  u64 r[15];
  __asm__ volatile(
      "lea -256(%%rsp), %%rsp\n mov %0, %%r15\n mov $0xb1, %%ebx\n mov $0xd3, %%edx\n mov $0xe4, %%esi\n mov $0xf5, "
      "%%edi\n"
      "mov $8, %%r8\n mov $9, %%r9\n mov $10, %%r10\n mov $12, %%r12\n mov $13, %%r13\n mov $14, %%r14\n stc\n"
      "mov $39, %%eax\n syscall\n after_call: mov %%rbx, (%%r15)\n mov %%rcx, 8(%%r15)\n mov %%rdx, 16(%%r15)\n mov "
      "%%rsi, 24(%%r15)\n"
      "mov %%rdi, 32(%%r15)\n mov %%r8, 40(%%r15)\n mov %%r9, 48(%%r15)\n mov %%r10, 56(%%r15)\n mov %%r11, 64(%%r15)\n"
      "mov %%r12, 72(%%r15)\n mov %%r13, 80(%%r15)\n mov %%r14, 88(%%r15)\n pushfq\n pop 96(%%r15)\n mov %%rax, "
      "104(%%r15)\n"
      "lea 256(%%rsp), %%rsp"
      :
      : "r"(r)
      : "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
  const u64 want[] = {0xb1, (u64)after_call, 0xd3, 0xe4, 0xf5, 8, 9, 10, r[12], 12, 13, 14, r[12], (u64)getpid()};
  for (int i = 0; i < 14; i++) CHECK_EQ(r[i], want[i]);
  CHECK_EQ(r[12] & 1, 1);
}

int main(void) {
  for (int i = 0; i < 64; i++) in[i] = 0x9e3779b97f4a7c15ULL * (i + 1);
  for (int round = 0; round < 10; round++) {
    call_getpid(), call_failing(), call_sleep(), call_map(), ask_cpuid(), ask_rdtsc(), ask_xgetbv();
    call_unknown();
    check_registers();
  }
  return done();
}
