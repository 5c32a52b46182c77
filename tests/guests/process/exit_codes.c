// Statuses of children that end in every way, the status of the program itself beyond a byte.
// status: 255
#include <sched.h>
#include "common.h"

static int status_of(int how) {
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    if (how == 0) _exit(0);
    if (how == 1) syscall(SYS_exit, 7);
    if (how == 2) syscall(SYS_exit_group, 300);
    if (how == 3) abort();
    if (how == 4) *(volatile int*)8 = 1;
    if (how == 5) __asm__ volatile("ud2");
    if (how == 6) quick_exit(12);
    _exit(-1);
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return status & 0xff7f;
}

int main(void) {
  for (int how = 0; how < 8; how++) printf("%#x\n", status_of(how));
  done();
  return -1;
}
