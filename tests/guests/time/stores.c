// Every form of store into one area, for tests of watched memory: tests/unit/conditions_test.cpp watches parts of it
// between the two writes to descriptor 1000, whose arguments say where it lies.
#include "common.h"

#include <asm/prctl.h>
#include <spawn.h>
#include <time.h>

static u8 area[4096] __attribute__((aligned(4096)));
static u8 source[4096] __attribute__((aligned(64)));
static __thread volatile long in_tls;
static volatile int handled;

static void mark(void *at, unsigned long size) { syscall(SYS_write, 1000, at, size); }

static void general(u8 *p, unsigned long i) {
  __asm__ volatile(
      "movb $1, (%0)\n movw $2, 2(%0)\n movl $3, 4(%0)\n movq $4, 8(%0)\n"
      "movb %b1, 16(%0,%1)\n mov %1, 24(%0,%1,8)\n mov %w1, 32(%0,%1,2)\n mov %k1, 40(%0,%1,4)\n"
      "mov %0, %%r12\n mov %1, %%r13\n movq $5, 64(%%r12)\n movq $6, 64(%%r12,%%r13,8)\n movq $7, (%%r12,%%r13)\n"
      "mov %0, %%r9\n lea 80(%%r9), %%r13\n movq $8, (%%r13)\n mov %%r8b, 90(%%r13)\n"
      "movq $0x11, 0x100(%0)\n movq $0x11, 0x100(%0)\n"  // the same value again
      "addq $3, 8(%0)\n lock incl 4(%0)\n negb (%0)\n sete 1(%0)\n setne 2(%0)\n sarl 4(%0)\n"
      "xchg %%r13, 96(%0)\n xadd %%r13, 96(%0)\n"
      "mov $7, %%eax\n cmpxchg %%r9, 104(%0)\n xor %%eax, %%eax\n cmpxchg %%r9, 112(%0)\n"
      "mov $70, %%r13d\n bts %%r13, 128(%0)\n btr %%r13, 128(%0)\n btsl $3, 136(%0)\n"
      "mov $-70, %%r13\n btc %%r13, 160(%0)\n"
      "movnti %%r9, 168(%0)\n movbe %%r9, 176(%0)\n"
      :
      : "r"(p), "r"(i)
      : "memory", "rax", "r9", "r12", "r13", "cc");
  u64 low = 0, high = 0;
  __asm__ volatile("lock cmpxchg16b 192(%2)" : "+a"(low), "+d"(high) : "r"(p), "b"(1ul), "c"(2ul) : "memory", "cc");
  __asm__ volatile("movq $0x77, %0\n" : "=m"(area[200]));
}

static void stack(u8 *top) {  // rsp in the area: pushes, calls, returns
  __asm__ volatile(
      "mov %%rsp, %%r12\n mov %0, %%rsp\n"
      "push %%r12\n push $-5\n pushw $7\n pushfq\n push (%0)\n push 8(%%rsp)\n pop 16(%%rsp)\n pop %%rax\n"
      "popw %%ax\n"
      "call 1f\n jmp 2f\n 1: push %%rbp\n mov %%rsp, %%rbp\n sub $32, %%rsp\n movq $9, 8(%%rsp)\n leave\n ret $8\n"
      "2: lea 1b(%%rip), %%rax\n sub $16, %%rsp\n push %%rax\n call *(%%rsp)\n call *%%rax\n"
      "mov %%rbp, %%r13\n enter $64, $3\n leave\n mov %%r13, %%rbp\n"
      "movq $3, -24(%%rsp)\n mov %%rsp, -32(%%rsp)\n"
      "mov %%r12, %%rsp\n"
      :
      : "r"(top)
      : "memory", "rax", "r12", "r13", "cc");
}

static void vectors(u8 *p) {
  __asm__ volatile(
      "movdqu (%1), %%xmm0\n movups 32(%1), %%xmm1\n vmovups 64(%1), %%ymm2\n"
      "movups %%xmm0, 3(%0)\n movaps %%xmm1, 32(%0)\n movntdq %%xmm0, 48(%0)\n movss %%xmm0, 70(%0)\n"
      "movsd %%xmm1, 80(%0)\n movhps %%xmm1, 96(%0)\n movq %%xmm0, 104(%0)\n movd %%xmm1, 112(%0)\n"
      "pextrb $3, %%xmm0, 120(%0)\n extractps $1, %%xmm1, 124(%0)\n"
      "vmovdqu %%ymm2, 130(%0)\n vextracti128 $1, %%ymm2, 176(%0)\n vmaskmovps %%ymm2, %%ymm2, 200(%0)\n"
      "vpmaskmovq %%ymm2, %%ymm2, 240(%0)\n"
      "fld1\n fldpi\n fstpt 288(%0)\n fstps 300(%0)\n fldpi\n fistpl 304(%0)\n fnstcw 310(%0)\n stmxcsr 312(%0)\n"
      "fld1\n fbstp 320(%0)\n fnstsw 340(%0)\n"
      "lea 350(%0), %%rdi\n maskmovdqu %%xmm0, %%xmm1\n vzeroupper\n"
      :
      : "r"(p), "r"(source)
      : "memory", "rdi", "xmm0", "xmm1", "xmm2");
}

static void strings(u8 *p) {
  __asm__ volatile(
      "lea (%0), %%rdi\n lea (%1), %%rsi\n mov $100, %%ecx\n rep movsb\n"
      "mov $20, %%ecx\n rep movsq\n mov $30, %%ecx\n mov $0x5a, %%eax\n rep stosl\n"
      "std\n mov $9, %%ecx\n rep stosw\n lea 800(%1), %%rsi\n lea 700(%0), %%rdi\n mov $13, %%ecx\n rep movsl\n cld\n"
      "stosb\n movsw\n stosq\n xor %%ecx, %%ecx\n rep stosb\n mov $5, %%ecx\n rep stosb\n"
      "lea (%0), %%rdi\n lea (%1), %%rsi\n mov $50, %%ecx\n repe cmpsb\n lodsq\n scasb\n"
      :
      : "r"(p), "r"(source)
      : "memory", "rdi", "rsi", "rcx", "rax", "cc");
}

static void state(u8 *p) {
  __asm__ volatile("mov $7, %%eax\n xor %%edx, %%edx\n xsave (%0)\n fxsave 1024(%0)\n fnsave 2048(%0)\n frstor 2048(%0)\n"
                   "fnstenv 2200(%0)\n fldenv 2200(%0)\n"
                   :
                   : "r"(p)
                   : "memory", "rax", "rdx");
}

static void segments(u8 *p) {
  in_tls = 5;
  in_tls++;
  __asm__ volatile("movq $9, %%fs:-8\n" ::: "memory");  // the last word of the static TLS block: in_tls or a neighbour
  syscall(SYS_arch_prctl, ARCH_SET_GS, p);
  __asm__ volatile("movq $5, %%gs:8\n mov $16, %%eax\n movl $6, %%gs:4(%%rax,%%rax,2)\n movb $1, %%gs:(%%rax)\n" ::: "memory",
                   "rax");
  u8 *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  __asm__ volatile("movl $5, 8(%k0)\n" : : "r"(low) : "memory");
}

static void on_signal_in_area(int sig, siginfo_t *info, void *context) {
  (void)context;
  handled++;
  if (sig == SIGSEGV) mprotect((void *)((unsigned long)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static int child(void *argument) {
  u8 *p = argument;
  p[0] = 77, p[1]++, p[200]++;
  _exit(0);
}

int main(void) {
  for (unsigned i = 0; i < sizeof source; i++) source[i] = (u8)(i * 7 + i / 256);
  stack_t alternate = {.ss_sp = area, .ss_size = sizeof area};
  sigaltstack(&alternate, NULL);
  on_signal(SIGUSR1, on_signal_in_area, SA_ONSTACK);
  on_signal(SIGSEGV, on_signal_in_area, 0);
  u8 *pages = map_pages(2, PROT_READ | PROT_WRITE);
  mprotect(pages + 4096, 4096, PROT_NONE);
  mark(area, sizeof area);
  mark(pages, 2 * 4096);
  mark((void *)&in_tls, 8);

  for (unsigned long i = 0; i < 3; i++) {
    general(area + 256 * i, i);
    stack(area + 2000 + 8 * i);
    vectors(area + 1024 + 64 * i);
    strings(area + 512 * i);
    memset(area + 100, (int)i, 300 + 500 * i);
    memcpy(area + 64, source + i, 900);
  }
  state(area);
  segments(area + 128);
  // The kernel's writes: results, frames on a stack in the area, another process's.
  int pipe_ends[2];
  MUST(pipe(pipe_ends));
  MUST(write(pipe_ends[1], source + 11, 200));
  MUST(read(pipe_ends[0], area + 40, 150));
  clock_gettime(CLOCK_MONOTONIC, (struct timespec *)(area + 504));
  raise(SIGUSR1);
  raise(SIGUSR1);
  static u8 child_stack[16384];
  const pid_t pid = clone(child, child_stack + sizeof child_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, area);
  waitpid(pid, NULL, 0);
  // A rep that faults in the middle, and memory that comes and goes.
  __asm__ volatile("mov %0, %%rdi\n mov $2000, %%ecx\n mov $0x61, %%eax\n rep stosb"
                   :
                   : "r"(pages + 3000)
                   : "memory", "rdi", "rcx", "rax");
  munmap(pages, 4096);
  MUST(mmap(pages, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  pages[4000] = 3;
  for (unsigned i = 0; i < 700; i++) area[i] += 3;
  mark(area, sizeof area);
  CHECK_EQ(handled, 3);
  return done();
}
