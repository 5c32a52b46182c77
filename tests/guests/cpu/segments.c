// FS and GS bases: by arch_prctl and, where the processor has them, by wrfsbase and wrgsbase; accesses
// through them; they survive system calls, signals and calls into libc.
#include <asm/prctl.h>
#include <sys/auxv.h>
#include "common.h"

static u64 block_a[8] = {0, 11, 12, 13}, block_b[8] = {0, 21, 22, 23};
static u64 gs_inside;

static u64 get_base(int which) {
  u64 base = 0;
  MUST(syscall(SYS_arch_prctl, which, &base));
  return base;
}

static u64 gs_load(void) {
  u64 v;
  __asm__ volatile("mov %%gs:8, %0" : "=r"(v));
  return v;
}

static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)info, (void)context;
  gs_inside = gs_load();
}

int main(void) {
  on_signal(SIGUSR1, handler, 0);
  CHECK_EQ(get_base(ARCH_GET_GS), 0);
  u64 self;
  __asm__("mov %%fs:16, %0" : "=r"(self));  // the thread control block names itself
  CHECK_EQ(get_base(ARCH_GET_FS), self);
  MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, block_a));
  CHECK_EQ(get_base(ARCH_GET_GS), (u64)block_a);
  for (int i = 0; i < 20; i++) {
    CHECK_EQ(gs_load(), 11);
    getppid();
    raise(SIGUSR1);
    CHECK_EQ(gs_inside, 11);
  }
  u64 index = 2, v;
  __asm__ volatile("mov %%gs:(,%1,8), %0\n addq $100, %%gs:24" : "=r"(v) : "r"(index) : "memory");
  CHECK_EQ(v, 12);
  CHECK_EQ(block_a[3], 113);
  __asm__ volatile("lea %%gs:8, %0" : "=r"(v));
  CHECK_EQ(v, 8);
  CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x8000000000000000ULL), EPERM);
  CHECK_ERR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
  CHECK_EQ(gs_load(), 11);

  if (getauxval(AT_HWCAP2) & 2) {
    for (int i = 0; i < 20; i++) {
      __asm__ volatile("wrgsbase %0" : : "r"(block_b));
      CHECK_EQ(gs_load(), 21);
      CHECK_EQ(get_base(ARCH_GET_GS), (u64)block_b);
      raise(SIGUSR1);
      CHECK_EQ(gs_inside, 21);
      __asm__ volatile("rdgsbase %0" : "=r"(v));
      CHECK_EQ(v, (u64)block_b);
      __asm__ volatile("rdfsbase %0" : "=r"(v));
      CHECK_EQ(v, self);
      // FS elsewhere for a moment, with a system call in between, and no libc call until it is back.
      u64 seen, pid;
      __asm__ volatile(
          "wrfsbase %3\n mov %%fs:16, %0\n mov $39, %%eax\n syscall\n mov %%fs:8, %%rdx\n add %%rdx, %0\n wrfsbase %2"
          : "=&r"(seen), "=&a"(pid)
          : "r"(self), "r"(block_a)
          : "rcx", "rdx", "r11", "memory");
      CHECK_EQ(seen, 23);
      CHECK_EQ(pid, getpid());
      MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, block_a));
      CHECK_EQ(gs_load(), 11);
      __asm__ volatile("rdgsbase %0" : "=r"(v));
      CHECK_EQ(v, (u64)block_a);
    }
  }
  CHECK_EQ(get_base(ARCH_GET_FS), self);
  return done();
}
