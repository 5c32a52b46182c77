// Gathers, masked moves and scatter-like stores that meet a page that is not there: the lanes done are
// done, the mask says so, and after the page is mapped the instruction goes on.
// build: -mavx2
// skip-if-no: avx2
#include <ucontext.h>
#include "common.h"

static int faults;
static void open_page(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)context;
  faults++;
  MUST(mprotect((void*)((u64)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE));
}

int main(void) {
  on_signal(SIGSEGV, open_page, 0);
  unsigned* p = (unsigned*)map_pages(3, PROT_READ | PROT_WRITE);
  for (int i = 0; i < 3 * 1024; i++) p[i] = i * 7;
  for (int round = 0; round < 10; round++) {
    MUST(mprotect(p + 1024, 4096, PROT_NONE));
    const int indices[8] = {1, 5, 9, 13, 1030, 17, 2050, 21};
    int got[8], mask[8];
    __asm__ volatile(
        "vmovdqu %2, %%ymm1\n vpcmpeqd %%ymm2, %%ymm2, %%ymm2\n vpxor %%ymm0, %%ymm0, %%ymm0\n"
        "vpgatherdd %%ymm2, (%3, %%ymm1, 4), %%ymm0\n vmovdqu %%ymm0, %0\n vmovdqu %%ymm2, %1\n vzeroupper"
        : "=m"(got), "=m"(mask)
        : "m"(indices), "r"(p)
        : "xmm0", "xmm1", "xmm2", "memory");
    for (int i = 0; i < 8; i++) {
      CHECK_EQ(got[i], indices[i] * 7);
      CHECK_EQ(mask[i], 0);
    }
    CHECK_EQ(faults, round * 2 + 1);
    // Lanes that the mask leaves out do not fault.
    MUST(mprotect(p + 1024, 4096, PROT_NONE));
    const int lanes[8] = {-1, -1, 0, 0, 0, 0, 0, 0};
    __asm__ volatile(
        "vmovdqu %1, %%ymm2\n vpmaskmovd (%2), %%ymm2, %%ymm0\n vmovdqu %%ymm0, %0\n vpmaskmovd %%ymm0, %%ymm2, (%2)\n "
        "vzeroupper"
        : "=m"(got)
        : "m"(lanes), "r"(p + 1022)
        : "xmm0", "xmm2", "memory");
    CHECK(got[0] == 1022 * 7 && got[1] == 1023 * 7 && got[2] == 0);
    CHECK_EQ(faults, round * 2 + 1);
    // A wide store across the boundary: all or nothing.
    __asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0\n vmovdqu %%ymm0, (%0)\n vzeroupper"
                     :
                     : "r"(p + 1020)
                     : "xmm0", "memory");
    CHECK_EQ(faults, round * 2 + 2);
    for (int i = 1020; i < 1028; i++) {
      CHECK_EQ(p[i], 0xffffffff);
      p[i] = i * 7;
    }
  }
  return done();
}
