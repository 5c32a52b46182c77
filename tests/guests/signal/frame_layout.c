// The signal frame as the kernel lays it out: alignment, the red zone left alone, the vector state in
// the frame with its magic numbers, the segment registers, and the mask.
// build: -O2
#include <cpuid.h>
#include <ucontext.h>
#include "common.h"

static u64 rsp_at_signal, frame_top, after;
static int ok_alignment, ok_magic, ok_segments, ok_mask, ok_vector, ok_red_zone_distance;

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig;
  const ucontext_t* c = context;
  const greg_t* g = c->uc_mcontext.gregs;
  rsp_at_signal = (u64)g[REG_RSP];
  // On entry rsp is 8 below a multiple of 16, and points to the restorer's address.
  const u64 entry = (u64)__builtin_frame_address(0) + 8;
  ok_alignment = (entry & 15) == 8 && ((u64)c->uc_mcontext.fpregs & 63) == 0;
  frame_top = (u64)c->uc_mcontext.fpregs;
  ok_red_zone_distance = (u64)context < rsp_at_signal - 128 && (u64)info < rsp_at_signal - 128;
  ok_segments = (g[REG_CSGSFS] & 0xffff) == 0x33 && (u64)g[REG_CSGSFS] >> 48 == 0x2b;
  ok_mask = sigismember(&c->uc_sigmask, SIGUSR2) && !sigismember(&c->uc_sigmask, SIGUSR1);
  const struct _libc_fpstate* f = c->uc_mcontext.fpregs;
  ok_vector = f->_xmm[3].element[0] == 0x11223344 && f->mxcsr == 0x1f80 && f->cwd == 0x37f;
  // struct _fpx_sw_bytes in the last 48 of the 512 bytes, if the kernel uses xsave.
  const unsigned* software = (const unsigned*)((const u8*)f + 464);
  unsigned a, b, size, d;
  __cpuid_count(13, 0, a, b, size, d);
  const unsigned* end = (const unsigned*)((const u8*)f + software[4]);
  ok_magic = software[0] == 0x46505853 && *end == 0x46505845 && software[4] >= 576;
  CHECK((c->uc_flags & 1) == 1);  // UC_FP_XSTATE
  CHECK(c->uc_link == NULL);
}

int main(void) {
  on_signal(SIGUSR1, handler, 0);
  const sigset_t set = signal_set(SIGUSR2, 0, 0);
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  for (int i = 0; i < 50; i++) {
    u64 rsp;
    const unsigned value = 0x11223344;
    __asm__ volatile(
        "lea -512(%%rsp), %%rsp\n movd %[value], %%xmm3\n movq $77, -128(%%rsp)\n movq $78, -8(%%rsp)\n"
        "mov %%rsp, %[rsp]\n mov %[pid], %%edi\n mov $10, %%esi\n mov $62, %%eax\n syscall\n"
        "mov -128(%%rsp), %%rax\n add -8(%%rsp), %%rax\n mov %%rax, %[after]\n lea 512(%%rsp), %%rsp"
        : [rsp] "=&r"(rsp), [after] "=m"(after)
        : [value] "r"(value), [pid] "r"(getpid())
        : "rax", "rcx", "rdi", "rsi", "r11", "xmm3", "memory", "cc");
    CHECK_EQ(after, 155);
    CHECK_EQ(rsp_at_signal, rsp);
    CHECK(ok_alignment && ok_magic && ok_segments && ok_mask && ok_vector && ok_red_zone_distance);
  }
  return done();
}
