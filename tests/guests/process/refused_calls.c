// Calls that fail, in the same way: numbers that no kernel has, and arguments that none accepts.
// fred-line: the program used
#include "common.h"

int main(void) {
  CHECK_ERR(syscall(9999), ENOSYS);
  CHECK_ERR(syscall(-1L), ENOSYS);
  CHECK_ERR(syscall(511), ENOSYS);
  CHECK_ERR(syscall(SYS_kill, 0x7ffffff0, 0), ESRCH);
  CHECK_ERR(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
  CHECK_ERR(syscall(SYS_futex, 16L, 0, 0, 0, 0, 0), EFAULT);
  int word = 5;
  CHECK_ERR(syscall(SYS_futex, &word, 128, 6, NULL, NULL, 0), EAGAIN);
  CHECK_EQ(syscall(SYS_futex, &word, 129, 1, NULL, NULL, 0), 0);
  CHECK_EQ(syscall(SYS_set_tid_address, &word), getpid());
  CHECK_ERR(syscall(SYS_membarrier, 999, 0, 0), EINVAL);
  CHECK_ERR(syscall(SYS_chroot, "/nonexistent"), errno);
  CHECK(errno == ENOENT || errno == EPERM);
  return done();
}
