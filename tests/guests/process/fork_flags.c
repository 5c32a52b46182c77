// clone(2) without CLONE_VM, with flags that nobody's libc gives: TLS of its own for the child, shared file system
// state, signals other than SIGCHLD for the end, flags that the kernel ignores or refuses.
#include <sched.h>
#include <sys/syscall.h>
#include "common.h"

static unsigned long own_tls[16];  // offset 0x28 has the stack guard

static long clone_with(unsigned long flags, void* tls) { return syscall(SYS_clone, flags, NULL, NULL, NULL, tls); }

static int status_of(long pid) {
  int status = 0;
  CHECK_EQ(waitpid((pid_t)pid, &status, __WALL), pid);
  return status;
}

static unsigned long word_at_fs(void) {
  unsigned long word;
  __asm__ volatile("mov %%fs:8, %0" : "=r"(word));
  return word;
}

static void __attribute__((noreturn)) leave(int status) {
  for (;;) __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(status) : "rcx", "r11", "memory");
}

static void with_own_tls(unsigned long more) {
  own_tls[1] = 77;
  long pid;
  register unsigned long tls __asm__("r8") = (unsigned long)own_tls;
  register unsigned long none __asm__("r10") = 0;
  // The libc's wrapper would look for errno there.
  __asm__ volatile("syscall"
                   : "=a"(pid)
                   : "a"(SYS_clone), "D"(CLONE_SETTLS | SIGCHLD | more), "S"(0), "d"(0), "r"(none), "r"(tls)
                   : "rcx", "r11", "memory");
  if (pid == 0) leave(word_at_fs() == 77 ? 7 : 1);
  CHECK_EQ(status_of(pid), 7 << 8);
}

int main(void) {
  with_own_tls(0);
  with_own_tls(CLONE_VM | CLONE_VFORK);
  CHECK_EQ(clone_with(CLONE_SETTLS | SIGCHLD, (void*)(1ul << 63)), -1);
  CHECK_EQ(errno, EPERM);

  const unsigned long shared[] = {CLONE_FS, CLONE_IO | CLONE_SYSVSEM, CLONE_UNTRACED, CLONE_DETACHED};
  for (unsigned i = 0; i < sizeof shared / sizeof *shared; i++) {
    const long pid = MUST(clone_with(shared[i] | SIGCHLD, NULL));
    if (pid == 0) _exit(20 + (int)i);
    CHECK_EQ(status_of(pid), (20 + (int)i) << 8);
  }
  const unsigned long wrong[] = {CLONE_THREAD, CLONE_SIGHAND, CLONE_NEWNS | CLONE_FS};
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK_EQ(clone_with(wrong[i] | SIGCHLD, NULL), -1);
    CHECK_EQ(errno, EINVAL);
  }

  // The end of a child may kill its parent.
  const long parent = MUST(fork());
  if (parent == 0) {
    const long pid = MUST(clone_with(SIGUSR2, NULL));
    if (pid == 0) _exit(0);
    for (;;) pause();
  }
  CHECK_EQ(status_of(parent), SIGUSR2);
  puts("done");
  return 0;
}
